"""How an attempt ended and what follows: each reason told apart."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.api.failure.v1 import CanceledFailureInfo, Failure
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.testing import ActivityEnvironment

from durascope import conventions as c
from durascope._history_failures import read_failure
from durascope._outcome import Outcome, backoff, cancellation, error_type, in_workflow, outcome_of
from durascope.records import RetryBy, Status
from durascope.testing import InMemory, attribute
from tests.instrumentation.inside import run, working
from tests.instrumentation.world import World

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BRIEF = timedelta(milliseconds=10)
POLICY = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=3, maximum_interval=timedelta(seconds=5),
    maximum_attempts=4, non_retryable_error_types=["Fatal"],
)  # fmt: skip


def info(**changes: Any) -> activity.Info:
    """An attempt's, first of four."""
    given: dict[str, Any] = {"attempt": 1, "retry_policy": POLICY, "scheduled_time": NOW}
    given |= {"schedule_to_close_timeout": None, **changes}
    return activity.Info(**{**vars(ActivityEnvironment.default_info()), **given})


def test_a_cancellation_has_one_name() -> None:
    """Whoever tells of it: an attempt, what waited for it, its run, or their history."""
    failure = Failure(canceled_failure_info=CanceledFailureInfo())
    told = {error_type(CancelledError("no")), error_type(asyncio.CancelledError()), read_failure(failure, None).type}
    assert told == {in_workflow(CancelledError("no"))[1], cancellation(None, info(), BRIEF)[1]} == {"cancelled"}


def test_the_policy_dictates_the_delay() -> None:
    """It grows up to the longest interval, and ends with the last attempt."""
    delays = [outcome_of(ValueError("no"), info(attempt=n), None, NOW, BRIEF).retry_delay for n in (1, 2, 3, 4)]
    assert delays == [1.0, 3.0, 5.0, None]
    assert backoff(POLICY, 10_000) == 5.0


def test_the_server_dictates_the_delay() -> None:
    """Retry-After comes as the error's own delay."""
    error = ApplicationError("busy", type="APIStatusError", next_retry_delay=timedelta(seconds=7))
    found = outcome_of(error, info(), None, NOW, BRIEF)
    assert found == Outcome(Status.ERROR, "APIStatusError", "busy", 7.0, RetryBy.SERVER)


@pytest.mark.parametrize(
    ("error", "changes"),
    [
        (ApplicationError("no", non_retryable=True), {}),
        (ApplicationError("no", type="Fatal"), {}),
        (ValueError("late"), {"schedule_to_close_timeout": timedelta(milliseconds=500)}),
    ],
    ids=["non-retryable", "type", "out of time"],
)
def test_no_further_attempt(error: Exception, changes: dict[str, Any]) -> None:
    """Nothing follows: neither a delay nor anyone who says so."""
    found = outcome_of(error, info(**changes), None, NOW, BRIEF)
    assert (found.status, found.retry_delay, found.retry_by) == (Status.ERROR, None, None)


@pytest.mark.parametrize(
    ("reason", "ran", "end"),
    [
        ("timed_out", 30, ("timeout", "Heartbeat", RetryBy.POLICY)),
        ("timed_out", 60, ("timeout", "StartToClose", RetryBy.POLICY)),
        ("not_found", 60, ("timeout", "StartToClose", RetryBy.POLICY)),
        ("not_found", 30, ("cancelled", "gone_from_server", None)),
        ("worker_shutdown", 30, ("cancelled", "worker_shutdown", RetryBy.POLICY)),
        ("cancel_requested", 60, ("cancelled", "cancelled", None)),
    ],
)
def test_reasons_of_a_cancellation(reason: str, ran: int, end: tuple[Any, ...]) -> None:
    """Temporal cancels an attempt for many reasons; how long it ran tells which limit it met."""
    details = activity.ActivityCancellationDetails(**{reason: True})
    limits = {"start_to_close_timeout": timedelta(seconds=60), "heartbeat_timeout": timedelta(seconds=10)}
    found = outcome_of(asyncio.CancelledError(), info(**limits), details, NOW, timedelta(seconds=ran))
    assert (found.status, found.error_type, found.retry_by) == end


def test_no_time_for_any_attempt() -> None:
    """A local activity's time for all attempts is kept by the worker: nothing follows."""
    details = activity.ActivityCancellationDetails(timed_out=True)
    limits = {"schedule_to_close_timeout": BRIEF, "start_to_close_timeout": None, "heartbeat_timeout": None}
    found = outcome_of(asyncio.CancelledError(), info(**limits), details, NOW + BRIEF, BRIEF)
    assert (found.status, found.error_type, found.retry_by) == ("timeout", "ScheduleToClose", None)


@pytest.mark.parametrize(
    ("retries", "told"),
    [(3, [("ok", 2, None)] * 2), (1, [("error", 1, 500), ("ok", None, None)] * 2)],
    ids=["enough", "too few"],
)
async def test_the_http_clients_own_retries_are_counted(
    world: World, monkeypatch: pytest.MonkeyPatch, retries: int, told: list[tuple[Any, ...]]
) -> None:
    """A client with retries hides a 429 (and then a 500) from Temporal: the attempt says what happened inside."""
    telemetry = InMemory()
    async with working(world, monkeypatch, [telemetry.plugin()], retries=retries) as (client, queue):
        await run(client, queue, "limited")
    models = telemetry.attempts("invoke_model_activity")
    names = (c.OUTCOME, c.HTTP_RETRIES, c.HTTP_STATUS)
    assert [tuple(attribute(each, name) for name in names) for each in models] == told
