"""Which operations decided when a run ended, and what each retry cost the run as a whole.

    run      |--------------------------------------------------------|
    search        |=====X.....=====|                                        (one retry)
    fetch         |===========|         <- had slack, decides nothing
    write                           |================|
    path     |wf | search          |wf| write        | workflow       |

The path is walked backwards from the end: before each moment the operation that closed last is what was waited for.
What no operation explains is the workflow's own time.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from durascope.records import Micros
from durascope_dashboard.analysis.rows import Row, Rows, one, records
from durascope_dashboard.analysis.what_if import FROM_OUTSIDE, MOST, Saving, Step, savings

_OPEN = ("running", "pending")
_CUT_OFF = ("cancelled", "terminated", "timed_out")
_COLUMNS = ("operation_id", "kind", "name", "status", "scheduled", "closed")


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the path, µs. Without an ``operation_id`` its ``kind`` is "workflow" or "external_wait"."""

    operation_id: str | None
    kind: str
    name: str | None
    start: Micros
    end: Micros

    @property
    def ms(self) -> float:
        """How long it is."""
        return (self.end - self.start) / 1000


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """Segments without gaps from the run's start to its end (or now), and the retries worth naming, dearest first."""

    segments: tuple[Segment, ...]
    savings: tuple[Saving, ...]

    @property
    def operation_ids(self) -> frozenset[str]:
        """The operations to highlight."""
        return frozenset(part.operation_id for part in self.segments if part.operation_id is not None)

    @property
    def worth(self) -> tuple[Saving, ...]:
        """The retries that made the run longer."""
        return tuple(saving for saving in self.savings if saving.at_most_ms >= 1)


def critical_path(
    run: Row, operations: Rows, attempts: Rows, now: Micros | None = None, *, retries: int = MOST
) -> CriticalPath:
    """The path of one run. Frames as in the store; ``now`` ends an open run (else its ``duration_ms`` does).

    ``retries``: for how many of the dearest to compute what they cost, which takes far longer than the path.
    """
    facts = one(run)
    begin, end = _bounds(facts, now)
    found = [row for row in records(operations, _COLUMNS) if row["scheduled"] is not None]
    steps = [_step(row, begin, end, str(facts.get("status"))) for row in found]
    path = walk(steps, begin, end)
    on_path = {part.operation_id for part in path}
    so_far = facts.get("closed") is None
    return CriticalPath(path, savings(steps, attempts, begin, end, on_path, so_far=so_far, most=retries))


def _bounds(run: Row, now: Micros | None) -> tuple[Micros, Micros]:
    begin = int(run.get("started") or 0)
    if run.get("closed") is not None:
        end = int(run["closed"])
    elif now is not None:
        end = now
    else:
        end = begin + round((run.get("duration_ms") or 0) * 1000)
    return begin, max(begin, end)


def _step(row: dict[str, Any], begin: Micros, end: Micros, run_status: str) -> Step:
    scheduled = min(max(int(row["scheduled"]), begin), end)
    is_open = row["closed"] is None and row["status"] in _OPEN
    closed = end if row["closed"] is None else int(row["closed"])
    return Step(
        row["operation_id"], row["kind"] or "activity", row["name"], scheduled,
        min(max(closed, scheduled), end), is_open, decides=_decides(row, run_status, is_open=is_open),
    )  # fmt: skip


def _decides(row: dict[str, Any], run_status: str, *, is_open: bool) -> bool:
    """Whether its end can be what something waited for: an effect of another's end, such as a cancel, is not."""
    if row["closed"] is None:
        return is_open or run_status in _CUT_OFF
    return row["status"] != "cancelled" or (row["kind"] != "timer" and run_status in _CUT_OFF)


def walk(steps: Sequence[Step], begin: Micros, end: Micros) -> tuple[Segment, ...]:
    """The path through ``steps``, without gaps from ``begin`` to ``end``."""
    ended = sorted((step for step in steps if step.decides), key=_rank)
    closes = [step.closed for step in ended]
    path: list[Segment] = []
    moment, limit, after = end, len(ended), None
    while moment > begin:
        limit = min(bisect_right(closes, moment), limit) - 1
        if limit < 0:
            path.append(_gap(begin, moment, after))
            break
        step = ended[limit]
        if step.closed < moment:
            path.append(_gap(step.closed, moment, after))
        if step.scheduled < step.closed:
            path.append(Segment(step.operation_id, step.kind, step.name, step.scheduled, step.closed))
        moment, after = step.scheduled, step
    return tuple(reversed(path))


def _gap(start: Micros, end: Micros, after: Step | None) -> Segment:
    """Time that no operation explains: the workflow's own, or the wait for what came from outside and ended it."""
    if after is not None and after.kind in FROM_OUTSIDE:
        return Segment(None, "external_wait", after.name, start, end)
    return Segment(None, "workflow", None, start, end)


def _rank(step: Step) -> tuple[Micros, bool, bool, Micros]:
    # Of those that end together: finished work before work that is still open, work before a timer, then the longest.
    return step.closed, not step.is_open, step.kind != "timer", -step.scheduled
