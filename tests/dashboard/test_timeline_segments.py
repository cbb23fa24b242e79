"""What happened to an operation becomes segments on its row: each stretch of time once, nothing invented."""

from typing import Any

from durascope_dashboard.timeline.segments import of_operation

S = 1_000_000
Row = dict[str, Any]


def operation(**more: Any) -> Row:
    """A tool activity, scheduled at 0."""
    return {"kind": "tool", "status": "ok", "scheduled": 0, "closed": 10 * S, "error_type": None} | more


def attempt(number: int, queued: int | None, started: int | None, ended: int | None, **more: Any) -> Row:
    """An attempt with times in µs."""
    return {
        "attempt": number, "queued": queued, "started": started, "ended": ended, "status": "ok", "error_type": None,
        "retry_by": None, "next_retry": None, "tokens_input": None, "tokens_output": None, "estimated": False,
    } | more  # fmt: skip


def drawn(row: Row, attempts: list[Row], now: int = 20 * S) -> list[tuple[Any, ...]]:
    """(kind, start s, end s, attempt) of each segment."""
    return [(s.kind, s.start / S, s.end / S, s.attempt) for s in of_operation(row, attempts, now)]


def test_a_retried_operation_is_queue_attempt_backoff_and_so_on() -> None:
    """From scheduled to closed without a gap, and the backoff says who dictated it."""
    failed = attempt(1, 0, 1 * S, 2 * S, status="error", error_type="RateLimitError", retry_by="server")
    tries = [failed, attempt(2, 6 * S, 7 * S, 10 * S)]
    assert drawn(operation(), tries) == [
        ("queue", 0, 1, 1), ("error", 1, 2, 1), ("backoff", 2, 6, 2), ("queue", 6, 7, 2), ("ok", 7, 10, 2),
    ]  # fmt: skip
    assert [s.by for s in of_operation(operation(), tries, 0) if s.kind == "backoff"] == ["server"]


def test_attempts_known_only_by_number_are_one_estimated_stretch() -> None:
    """History tells that two attempts failed before the third, not when: no bar pretends to know."""
    hidden = {"status": "error", "estimated": True}
    tries = [
        attempt(1, 0, None, None, **hidden),
        attempt(2, None, None, 6 * S, **hidden),
        attempt(3, 6 * S, 7 * S, 10 * S),
    ]
    assert drawn(operation(), tries) == [("estimated", 0, 6, 2), ("queue", 6, 7, 3), ("ok", 7, 10, 3)]


def test_an_open_operation_in_backoff_shows_the_wait_for_the_next_attempt() -> None:
    """The wait reaches to the retry that is due; after it the attempt queues."""
    row = operation(status="running", closed=None)
    tries = [attempt(1, 0, 0, 2 * S, status="error", next_retry=8 * S)]
    assert drawn(row, tries, now=5 * S) == [("error", 0, 2, 1), ("backoff", 2, 8, 2)]
    assert drawn(row, tries, now=9 * S)[-1] == ("queue", 8, 9, 2)


def test_a_running_attempt_reaches_to_now() -> None:
    """And a queued one waits until now."""
    row = operation(status="running", closed=None)
    assert drawn(row, [attempt(1, 0, 1 * S, None, status="running")], now=4 * S) == [
        ("queue", 0, 1, 1), ("running", 1, 4, 1),
    ]  # fmt: skip
    assert drawn(row, [attempt(1, 0, None, None, status="pending")], now=4 * S) == [("queue", 0, 4, 1)]


def test_clocks_that_disagree_give_no_negative_bar() -> None:
    """An attempt that ended before it started, by another clock, is a point."""
    segments = of_operation(operation(), [attempt(1, 0, 5 * S, 4 * S)], 0)
    assert all(s.end >= s.start for s in segments)


def test_what_has_no_attempts_is_a_wait_a_marker_or_a_bar() -> None:
    """Timers and human waits wait, signals are points, an open one lasts until now."""
    assert drawn(operation(kind="timer"), []) == [("wait", 0, 10, 0)]
    assert drawn(operation(kind="timer", status="cancelled"), []) == [("wait", 0, 10, 0)]
    assert drawn(operation(kind="human_wait", status="pending", closed=None), [], now=3 * S) == [("wait", 0, 3, 0)]
    assert drawn(operation(kind="signal"), []) == [("marker", 0, 0, 0)]
    assert drawn(operation(kind="child", status="error"), []) == [("error", 0, 10, 0)]
