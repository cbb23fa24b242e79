"""The timeline's lines: an open run goes to now and not beyond it, and a number that does not apply is not there."""

from typing import Any

from durascope_dashboard.timeline.rows import Timeline, timeline

S = 1_000_000
Row = dict[str, Any]
RUN = {
    "namespace": "default", "workflow_id": "w", "run_id": "r", "workflow_type": "Research", "started": 0,
    "closed": None, "status": "running", "billed_input": 90, "billed_output": 10, "cost_billed": 0.5,
}  # fmt: skip


def operation(number: int, **more: Any) -> Row:
    """An activity that is open."""
    return {
        "operation_id": f"activity:{number}", "activity_id": str(number), "kind": "tool", "name": f"tool{number}",
        "scheduled": 0, "closed": None, "parent_span_id": None, "model": None, "detail": None, "status": "running",
        "attempts": 1, "error_type": None, "billed_input": 0, "billed_output": 0, "cost_billed": 0.0,
    } | more  # fmt: skip


def failed(number: int, next_retry: int) -> Row:
    """The first attempt of an operation: it failed after two seconds."""
    return {
        "operation_id": f"activity:{number}", "attempt": 1, "queued": 0, "started": 0, "ended": 2 * S,
        "status": "error", "error_type": "E", "retry_by": None, "next_retry": next_retry, "tokens_input": None,
        "tokens_output": None, "estimated": False,
    }  # fmt: skip


def drawn(next_retry: int, now: int, run: Row = RUN) -> Timeline:
    """A run whose one tool failed and is tried again."""
    return timeline(run, [operation(1)], [failed(1, next_retry)], [], now)


def test_now_is_where_the_run_is_not_the_next_retry() -> None:
    """A retry due in twenty minutes: lines end now, the axis has a little room, and the backoff keeps its length."""
    found = drawn(next_retry=1202 * S, now=10 * S)
    assert (found.now, found.end) == (10_000.0, 11_500.0)
    assert [line.end for line in found.lines] == [10_000.0, 10_000.0]
    assert [(bar.kind, bar.start, bar.end) for bar in found.lines[1].bars] == [
        ("error", 0.0, 2000.0), ("backoff", 2000.0, 1_202_000.0),
    ]  # fmt: skip


def test_the_axis_ends_with_what_is_to_come() -> None:
    """A retry that is due soon takes no more room than it needs; without one the axis ends now."""
    assert drawn(next_retry=11 * S, now=10 * S).end == 11_000.0
    assert drawn(next_retry=4 * S, now=10 * S).end == 10_000.0


def test_a_closed_run_has_no_now() -> None:
    """It is drawn to its end, or to what ended after it."""
    done = RUN | {"closed": 5 * S, "status": "completed"}
    found = timeline(done, [operation(1, closed=6 * S, status="ok")], [], [], 100 * S)
    assert (found.now, found.end) == (None, 6000.0)


def test_only_models_and_the_run_have_tokens() -> None:
    """A tool's are none rather than 0; a model's that nobody counted are unknown."""
    calls = [operation(1), operation(2, kind="model", billed_input=7), operation(3, kind="model", cost_billed=None)]
    found = timeline(RUN, calls, [], [], S)
    assert [(line.tokens_in, line.cost) for line in found.lines] == [
        (90, 0.5), (None, None), (7, 0.0), (None, None),
    ]  # fmt: skip
