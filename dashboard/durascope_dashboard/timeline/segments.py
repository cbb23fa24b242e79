"""What happened to one operation, as segments on its row, in microseconds.

    queue    attempt 1   backoff     queue  attempt 2
    |////////|====x====|. . . . . .|//////|==========|
    scheduled                                    closed

An attempt that history only implies has no times: the span of time in which it must lie is drawn as `estimated`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

Row = Mapping[str, Any]
KINDS: Final = (
    "queue", "ok", "error", "timeout", "lost", "cancelled", "running", "backoff", "estimated", "wait", "marker",
    "bracket",
)  # fmt: skip
WAITS: Final = frozenset({"timer", "human_wait", "update"})
INSTANTS: Final = frozenset({"signal", "handoff", "workflow_task_failure"})


class Segment(NamedTuple):
    """``attempt`` is 0 where there is none; ``start == end`` for a marker."""

    kind: str
    start: int
    end: int
    attempt: int = 0
    error: str = ""
    by: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    estimated: bool = False


def of_operation(operation: Row, attempts: Sequence[Row], now: int) -> list[Segment]:
    """Segments in order of time. ``attempts`` are this operation's, by number."""
    if not attempts:
        return [_without_attempts(operation, now)]
    return list(_of_attempts(operation, attempts, now))


def _without_attempts(operation: Row, now: int) -> Segment:
    start = operation["scheduled"]
    end = operation["closed"] or (now if operation["status"] in ("running", "pending") else start)
    error = operation["error_type"] or ""
    if operation["kind"] in INSTANTS:
        return Segment("marker", start, start, error=error)
    if operation["kind"] in WAITS and operation["status"] in ("ok", "running", "pending", "cancelled"):
        return Segment("wait", start, max(start, end))  # a cancelled one has waited too, and nothing ran
    if operation["status"] in ("error", "timeout", "lost", "cancelled"):
        return Segment(operation["status"], start, max(start, end), error=error)
    return Segment("running" if operation["closed"] is None else "ok", start, max(start, end))


def _of_attempts(operation: Row, attempts: Sequence[Row], now: int) -> Iterator[Segment]:
    cursor = operation["scheduled"]  # everything before it is drawn
    by = ""  # who dictated the backoff that is on its way
    waited = False
    for row in attempts:
        begun = row["queued"] if row["queued"] is not None else row["started"]
        if begun is None or (row["estimated"] and row["started"] is None):
            waited = True
            continue  # that it ran is known, not when: the gap that it leaves is drawn with the next one
        if waited and begun > cursor:
            yield Segment("estimated", cursor, begun, row["attempt"] - 1, estimated=True)
        elif row["attempt"] > 1 and begun > cursor:
            yield Segment("backoff", cursor, begun, row["attempt"], by=by)
        elif row["attempt"] <= 1 and begun > cursor:
            yield Segment("queue", cursor, begun, row["attempt"])
        waited = False
        yield from _of_attempt(row, now)
        cursor = max(cursor, row["ended"] or row["started"] or begun)
        by = row["retry_by"] or ""
    yield from _what_is_next(operation, attempts[-1], cursor, by, waited, now)


def _of_attempt(row: Row, now: int) -> Iterator[Segment]:
    queued, started, ended = row["queued"], row["started"], row["ended"]
    open_ = row["status"] in ("running", "pending")
    if queued is not None:
        until = started if started is not None else (now if open_ else ended)
        if until is not None and until > queued:
            yield Segment("queue", queued, until, row["attempt"])
    if started is None:
        return
    end = ended if ended is not None else (now if open_ else started)
    kind = row["status"] if row["status"] in KINDS else "running"
    yield Segment(
        kind, started, max(started, end), row["attempt"], row["error_type"] or "", "",
        row["tokens_input"], row["tokens_output"], bool(row["estimated"]),
    )  # fmt: skip


def _what_is_next(
    operation: Row, last: Row, cursor: int, by: str, waited: bool, now: int
) -> Iterator[Segment]:  # fmt: skip
    if waited and (operation["closed"] or now) > cursor:
        yield Segment("estimated", cursor, operation["closed"] or now, last["attempt"], estimated=True)
    elif last["next_retry"] is not None and operation["closed"] is None and last["ended"] is not None:
        until = max(last["next_retry"], cursor)
        yield Segment("backoff", cursor, until, last["attempt"] + 1, by=by)
        if now > until:
            yield Segment("queue", until, now, last["attempt"] + 1)
