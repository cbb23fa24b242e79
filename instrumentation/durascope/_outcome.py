"""How an attempt ended and what follows: outcome, error, who dictates the delay before the next attempt. Pure.

Errors have the names that history has for them, so that both sources tell of one error.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import activity
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    ChildWorkflowError,
    NexusOperationError,
    TimeoutError,
    is_cancelled_exception,
)

from durascope import conventions as c
from durascope.records import RetryBy, Status

# Cancellations that the SDK reports to the server as failures.
TRIED_AGAIN = frozenset({"worker_shutdown", "reset", "paused"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an attempt. ``retry_delay`` is seconds; None: no further attempt."""

    status: Status
    error_type: str | None = None
    error_message: str | None = None
    retry_delay: float | None = None
    retry_by: RetryBy | None = None
    http_status: int | None = None


def cause_of(error: BaseException) -> BaseException:
    """The error itself: what only says where it happened is taken off."""
    while isinstance(error, (ActivityError, ChildWorkflowError, NexusOperationError)) and error.cause is not None:
        error = error.cause
    return error


def error_type(error: BaseException) -> str:
    """Its name, of low cardinality."""
    if isinstance(error, (asyncio.CancelledError, CancelledError)):
        return c.ERROR_TYPE_CANCELLED
    if isinstance(error, TimeoutError) and error.type is not None:
        return "".join(part.title() for part in error.type.name.split("_"))  # StartToClose ...
    return (error.type if isinstance(error, ApplicationError) else None) or type(error).__name__


def in_workflow(error: BaseException | None) -> tuple[Status, str | None, BaseException | None]:
    """What the workflow is told of something that it waited for: status, error type, and the error itself."""
    if error is None:
        return Status.OK, None, None
    cause = cause_of(error)
    if is_cancelled_exception(cause):
        return Status.CANCELLED, c.ERROR_TYPE_CANCELLED, cause
    return Status.TIMEOUT if isinstance(cause, TimeoutError) else Status.ERROR, error_type(cause), cause


def cancellation(
    details: activity.ActivityCancellationDetails | None, info: activity.Info, ran: timedelta
) -> tuple[Status, str]:
    """Tell apart why the SDK cancelled an attempt after it ``ran`` so long; the error type is of low cardinality."""
    if details is None:
        return Status.CANCELLED, c.ERROR_TYPE_CANCELLED
    # The server does not say that an attempt is out of time, only that it no longer knows it.
    overtime = info.start_to_close_timeout is not None and ran >= info.start_to_close_timeout
    if overtime and (details.timed_out or details.not_found):
        return Status.TIMEOUT, "StartToClose"
    if details.timed_out:
        return Status.TIMEOUT, "Heartbeat" if info.heartbeat_timeout else "ScheduleToClose"
    if details.worker_shutdown:
        return Status.CANCELLED, "worker_shutdown"
    if details.not_found:
        return Status.CANCELLED, c.ERROR_TYPE_GONE
    for name in ("reset", "paused"):
        if getattr(details, name, False):
            return Status.CANCELLED, name
    return Status.CANCELLED, c.ERROR_TYPE_CANCELLED


def outcome_of(
    error: BaseException,
    info: activity.Info,
    details: activity.ActivityCancellationDetails | None,
    now: datetime,
    ran: timedelta,
) -> Outcome:
    """What ``error`` means for the attempt that raised it at ``now``, after it ``ran`` so long."""
    delay, by = next_delay(error, info, now)
    if isinstance(error, (asyncio.CancelledError, CancelledError)):
        status, kind = cancellation(details, info, ran)
        if status is Status.CANCELLED and kind not in TRIED_AGAIN:
            delay, by = None, None
        return Outcome(status, kind, str(error) or None, delay, by)
    message = error.message if isinstance(error, ApplicationError) else str(error)
    return Outcome(Status.ERROR, error_type(error), message, delay, by, _http_status(error))


def next_delay(error: BaseException, info: activity.Info, now: datetime) -> tuple[float | None, RetryBy | None]:
    """Seconds until the next attempt and who says so, by the rules the server applies; (None, None): no next one."""
    policy = info.retry_policy or RetryPolicy()
    dictated: timedelta | None = None
    if isinstance(error, ApplicationError):
        if error.non_retryable:
            return None, None
        dictated = error.next_retry_delay
    if error_type(error) in (policy.non_retryable_error_types or ()):
        return None, None
    if policy.maximum_attempts and info.attempt >= policy.maximum_attempts:
        return None, None
    delay = dictated.total_seconds() if dictated else backoff(policy, info.attempt)
    limit = info.schedule_to_close_timeout
    if limit and now + timedelta(seconds=delay) > info.scheduled_time + limit:
        return None, None
    return delay, RetryBy.SERVER if dictated else RetryBy.POLICY


def backoff(policy: RetryPolicy, attempt: int) -> float:
    """Seconds after failed attempt number ``attempt`` (from 1), as the policy has it."""
    initial = policy.initial_interval.total_seconds()
    longest = policy.maximum_interval.total_seconds() if policy.maximum_interval else 100 * initial
    try:
        return min(float(initial * policy.backoff_coefficient ** (attempt - 1)), longest)
    except OverflowError:
        return longest


def _http_status(error: BaseException | None) -> int | None:
    seen = 0
    while error is not None and seen < 8:
        code = getattr(error, "status_code", None)
        if isinstance(code, int):
            return code
        error, seen = error.__cause__ or error.__context__, seen + 1
    return None
