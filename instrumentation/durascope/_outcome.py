"""How an attempt ended and what follows: outcome, error, who dictates the delay before the next attempt. Pure."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, CancelledError

from durascope.records import RetryBy, Status


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an attempt. ``retry_delay`` is seconds; None: no further attempt."""

    status: Status
    error_type: str | None = None
    error_message: str | None = None
    retry_delay: float | None = None
    retry_by: RetryBy | None = None
    http_status: int | None = None
    http_retries: int | None = None


def cancellation(details: activity.ActivityCancellationDetails | None) -> tuple[Status, str]:
    """Tell apart why the SDK cancelled an attempt; the error type is ours, of low cardinality."""
    if details is None:
        return Status.CANCELLED, "cancelled"
    if details.timed_out:
        return Status.TIMEOUT, "timeout"
    if details.worker_shutdown:
        return Status.CANCELLED, "worker_shutdown"
    if details.not_found:
        return Status.CANCELLED, "gone_from_server"
    for name in ("reset", "paused"):
        if getattr(details, name, False):
            return Status.CANCELLED, name
    return Status.CANCELLED, "cancelled"


def outcome_of(
    error: BaseException, info: activity.Info, details: activity.ActivityCancellationDetails | None, now: datetime
) -> Outcome:
    """What ``error`` means for the attempt that raised it."""
    if isinstance(error, (asyncio.CancelledError, CancelledError)):
        status, kind = cancellation(details)
        return Outcome(status, kind, str(error) or None)
    delay, by = next_delay(error, info, now)
    application = error if isinstance(error, ApplicationError) else None
    name = (application.type if application else None) or type(error).__name__
    message = application.message if application else str(error)
    status_code, retries = _http(error)
    return Outcome(Status.ERROR, name, message, delay, by, status_code, retries)


def next_delay(error: BaseException, info: activity.Info, now: datetime) -> tuple[float | None, RetryBy | None]:
    """Seconds until the next attempt and who says so, by the rules the server applies; (None, None): no next one."""
    policy = info.retry_policy or RetryPolicy()
    name = type(error).__name__
    dictated: timedelta | None = None
    if isinstance(error, ApplicationError):
        if error.non_retryable:
            return None, None
        name, dictated = error.type or name, error.next_retry_delay
    if name in (policy.non_retryable_error_types or ()):
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


def _http(error: BaseException | None) -> tuple[int | None, int | None]:
    seen = 0
    while error is not None and seen < 8:
        code = getattr(error, "status_code", None)
        if isinstance(code, int):
            return code, _http_retries(error)
        error, seen = error.__cause__ or error.__context__, seen + 1
    return None, None


def _http_retries(error: Any) -> int | None:
    # The OpenAI client says in each request which of its own retries it is.
    request = getattr(error, "request", None)
    count = getattr(request, "headers", {}).get("x-stainless-retry-count")
    return int(count) if isinstance(count, str) and count.isdigit() else None
