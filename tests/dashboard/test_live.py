"""What an open run is doing now: which attempt of how many, its own clock, and the countdown to the next retry."""

from typing import Any

import pytest

from durascope_dashboard.panels.live import pending

S = 1_000_000
OPEN = {
    "operation_id": "activity:1", "kind": "model", "name": "model", "model": "gpt-5-mini", "agent": "Triage",
    "status": "running", "scheduled": 0, "closed": None, "max_attempts": 5,
}  # fmt: skip


def attempt(number: int, **more: Any) -> dict[str, Any]:
    """An attempt of the operation above."""
    return {
        "operation_id": "activity:1", "attempt": number, "status": "running", "queued": 0, "started": None,
        "ended": None, "next_retry": None, "retry_by": None, "error_type": None, "error_message": None, "worker": None,
        "task_queue": "agents", "last_heartbeat": None, "paused": None,
    } | more  # fmt: skip


@pytest.mark.parametrize(
    ("last", "number", "clock", "state"),
    [
        (attempt(3, started=50 * S, worker="w-1"), "3 of 5", 10_000.0, "running on w-1"),
        (attempt(3, status="pending", queued=None, next_retry=64 * S), "3 of 5", None, "next retry in 4.00 s"),
        (attempt(2, status="error", ended=50 * S, next_retry=64 * S, retry_by="server"), "3 of 5", None,
         "next retry in 4.00 s, as the server asked"),
        (attempt(3, status="pending", queued=48 * S), "3 of 5", 12_000.0,
         "waits for 12.0 s for a worker of task queue agents"),
        (attempt(3, status="pending", queued=64 * S, next_retry=64 * S), "3 of 5", None, "next retry in 4.00 s"),
        (attempt(3, status="pending", paused=True), "3 of 5", 60_000.0,
         "paused by an operator: nothing happens until it is unpaused"),
    ],
)  # fmt: skip
def test_the_state_of_a_pending_operation(
    last: dict[str, Any], number: str, clock: float | None, state: str
) -> None:  # fmt: skip
    """This attempt's clock apart from the time since the operation was scheduled."""
    (found,) = pending([OPEN], [attempt(1, status="error", error_type="RateLimitError"), last], 60 * S)
    assert (found.attempt, found.clock, found.total, found.state) == (number, clock, 60_000.0, state)
    assert found.error == "RateLimitError"


def test_attempts_without_a_limit_say_so() -> None:
    """In the sign of the Runs page."""
    (found,) = pending([OPEN | {"max_attempts": 0}], [attempt(7, started=0)], 60 * S)
    assert found.attempt == "7 of ∞"


def test_a_silent_heartbeat_is_called_quiet() -> None:
    """A minute without a heartbeat is worth a word."""
    (found,) = pending([OPEN], [attempt(1, started=0, last_heartbeat=10 * S)], 90 * S)
    assert found.heartbeat == "1 m 20 s ago (quiet)"


def test_what_is_closed_is_not_pending() -> None:
    """Only open operations."""
    assert list(pending([OPEN | {"closed": 5, "status": "ok"}], [], 60 * S)) == []


def test_a_human_wait_says_whom_it_waits_for() -> None:
    """It has no attempts."""
    (found,) = pending([OPEN | {"kind": "human_wait", "model": None, "agent": None, "name": "approval"}], [], 60 * S)
    assert (found.name, found.state) == ("approval", "waits for somebody outside")
