"""What if a retry had not been necessary: how much earlier would the run have ended?

The failed attempt and the wait after it are cut out of its operation, and what followed is moved to the left. What an
operation waited for is not recorded, so two answers are given: at least (it waited for everything that had closed
before it was scheduled) and at most (only for the last of these). In a run without parallel branches they are equal.
Signals, updates and human waits come when they come: nothing moves them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from durascope.records import Micros
from durascope_dashboard.analysis.rows import Rows, records

MOST = 50
"""Retries that are worth the computing: those with the longest loss."""

_FAILED = ("error", "timeout", "lost")
FROM_OUTSIDE = ("signal", "update", "human_wait")
_ATTEMPT = ("operation_id", "attempt", "status", "queued", "started", "ended", "error_type", "estimated")


@dataclass(frozen=True, slots=True)
class Step:
    """An operation as the path sees it; µs, within the run."""

    operation_id: str
    kind: str
    name: str | None
    scheduled: Micros
    closed: Micros
    is_open: bool = False
    decides: bool = True  # its end may be what something waited for


@dataclass(frozen=True, slots=True)
class Saving:
    """A failed attempt that was retried; ``attempt`` is None for all retries of the operation together.

    ``lost_ms``: what it cost its operation. ``saved_ms``: how much earlier at least the run would have ended,
    ``at_most_ms``: and at most. ``estimated``: from times that were not seen. ``so_far``: the run is still open.
    """

    operation_id: str
    name: str | None
    attempt: int | None
    error_type: str | None
    lost_ms: float
    saved_ms: float
    at_most_ms: float
    estimated: bool
    so_far: bool = False

    @property
    def sentence(self) -> str:
        """ "If this retry had not happened the run would have ended 14 s earlier." """
        from durascope_dashboard.units import duration

        this = "these retries" if self.attempt is None else "this retry"
        would, further = ("would now be", "further") if self.so_far else ("would have ended", "earlier")
        if self.at_most_ms < 1:
            return f"Without {this} the run {would} no {further}: something else took longer."
        if self.at_most_ms - self.saved_ms < max(1.0, 0.02 * self.at_most_ms):
            amount = duration(self.saved_ms)
        elif self.saved_ms >= 1:
            amount = f"{duration(self.saved_ms)} to {duration(self.at_most_ms)}"
        else:
            amount = f"at most {duration(self.at_most_ms)}"
        about = "about " if self.estimated else ""
        return f"If {this} had not happened the run {would} {about}{amount} {further}."


@dataclass(frozen=True, slots=True)
class _Loss:
    operation_id: str
    attempt: int | None
    error_type: str | None
    lost: Micros
    estimated: bool


def savings(
    steps: Sequence[Step],
    attempts: Rows,
    begin: Micros,
    end: Micros,
    on_path: Collection[str | None],
    *,
    so_far: bool = False,
    most: int = MOST,
) -> tuple[Saving, ...]:
    """Every retry that cost its operation time, by what it cost the run; the dearest first, at most ``most``."""
    by_id = {step.operation_id: step for step in steps}
    found = [loss for loss in _losses(attempts, by_id) if loss.lost > 0]
    found.sort(key=lambda loss: (loss.operation_id not in on_path, -loss.lost))
    course = _Course(steps, begin, end)
    answers = [_saving(loss, by_id[loss.operation_id], course, so_far=so_far) for loss in found[:most]]
    return tuple(sorted(answers, key=lambda s: (-s.saved_ms, -s.at_most_ms, s.operation_id, s.attempt or 0)))


def _saving(loss: _Loss, step: Step, course: "_Course", *, so_far: bool) -> Saving:
    least, most = (course.end_without(loss.operation_id, loss.lost, waits_for_all=every) for every in (True, False))
    least, most = sorted((course.end - least, course.end - most))
    return Saving(
        loss.operation_id, step.name, loss.attempt, loss.error_type,
        loss.lost / 1000, max(least, 0) / 1000, max(most, 0) / 1000, loss.estimated, so_far,
    )  # fmt: skip


def _losses(attempts: Rows, steps: dict[str, Step]) -> Iterable[_Loss]:
    of: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in records(attempts, _ATTEMPT):
        if row["operation_id"] in steps:
            of[row["operation_id"]].append(row)
    for operation, rows in of.items():
        rows.sort(key=lambda row: row["attempt"])
        if rows[-1]["attempt"] > 1:
            yield from _of_operation(steps[operation], rows)


def _of_operation(step: Step, rows: list[dict[str, Any]]) -> Iterable[_Loss]:
    """A loss for each retried attempt if all their queue times are known; and one for all of them together."""
    queued = [step.scheduled if row["attempt"] == 1 else row["queued"] for row in rows]
    whole = rows[0]["attempt"] == 1 and len(rows) == rows[-1]["attempt"]
    if whole and None not in queued:
        for row, here, after in zip(rows, queued, queued[1:], strict=False):
            yield _Loss(step.operation_id, row["attempt"], row["error_type"], min(after, step.closed) - here,
                        bool(row["estimated"]))  # fmt: skip
        if len(rows) == 2:
            return  # its one retry is all of them
    last = rows[-1]
    again = next((last[name] for name in ("queued", "started", "ended") if last[name] is not None), None)
    if again is not None:
        error = next((row["error_type"] for row in reversed(rows) if row["error_type"]), None)
        seen = whole and None not in queued and not any(row["estimated"] for row in rows)
        yield _Loss(step.operation_id, None, error, min(again, step.closed) - step.scheduled, estimated=not seen)


class _Course:
    """The run as a sequence of schedules and closes, to be run again with one operation shortened."""

    def __init__(self, steps: Sequence[Step], begin: Micros, end: Micros) -> None:
        self.end = end
        self._begin = begin
        self._steps = [step for step in steps if step.decides]
        # A close comes before a schedule of the same moment: it may have caused it. What takes no time only closes.
        events = [(step.closed, 0, step.scheduled, i) for i, step in enumerate(self._steps)]
        lasting = (item for item in enumerate(self._steps) if item[1].closed > item[1].scheduled)
        events += [(step.scheduled, 1, step.scheduled, i) for i, step in lasting]
        self._events = sorted(events)

    def end_without(self, operation_id: str, lost: Micros, *, waits_for_all: bool) -> Micros:
        """When the run would have ended had this operation taken ``lost`` µs less."""
        last = new_last = self._begin  # the last close: when it was, when it would have been
        latest = self._begin  # of all new closes
        moved = [0] * len(self._steps)  # µs by which a step's schedule moves to the left
        for moment, what, scheduled, index in self._events:
            step = self._steps[index]
            if what == 1 or moment == scheduled:
                moved[index] = max(last - (latest if waits_for_all else new_last), 0)
            if what == 1:
                continue
            close = moment - moved[index]
            if step.kind in FROM_OUTSIDE:
                close = moment
            elif step.operation_id == operation_id:
                close -= lost
            last, new_last, latest = moment, close, max(latest, close)
        return self.end - max(0, last - (latest if waits_for_all else new_last))
