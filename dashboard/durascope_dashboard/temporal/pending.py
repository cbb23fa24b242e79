"""Describe's pending activities as observations: the only server-side sight of attempts that are not the last.

attempt n-1 ended ------ current_retry_interval ------> attempt n queued ----> started
last_attempt_complete_time                              next_attempt_schedule_time
"""

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse

from durascope._history_failures import Cause, read_failure
from durascope._history_payloads import Decode
from durascope.identity import RunKey
from durascope.records import Micros, RetryBy, Source, Status
from durascope_dashboard.store.schema import OBSERVATIONS

Row = dict[str, Any]


def observations(
    key: RunKey, response: DescribeWorkflowExecutionResponse, observed: Micros, decode: Decode | None = None
) -> list[Row]:
    """Rows of ``schema.OBSERVATIONS``: each pending activity's current attempt, and the one before it."""
    rows: list[Row] = []
    for info in response.pending_activities:
        cause = read_failure(info.last_failure, decode) if info.HasField("last_failure") else None
        if info.attempt > 1:
            rows.append(_previous(key, info, cause, observed))
        rows.append(_current(key, info, observed))
    return rows


def merged(before: Row | None, now: Row) -> Row:
    """What was known of an attempt, with what is known now on top: Describe forgets an attempt's start when it ends."""
    if before is None:
        return now
    return {name: value if value is not None else before[name] for name, value in now.items()}


def _row(key: RunKey, info: PendingActivityInfo, attempt: int, status: Status, observed: Micros) -> Row:
    row: Row = dict.fromkeys(OBSERVATIONS.names)
    namespace, workflow_id, run_id = key
    return row | {
        "namespace": namespace,
        "workflow_id": workflow_id,
        "run_id": run_id,
        "activity_id": info.activity_id,
        "attempt": attempt,
        "status": status.value,
        "source": Source.HISTORY.value,
        "task_queue": info.activity_options.task_queue.name or None,
        "max_attempts": info.maximum_attempts or None,
        "estimated": False,
        "observed": observed,
    }


def _current(key: RunKey, info: PendingActivityInfo, observed: Micros) -> Row:
    attempt = max(info.attempt, 1)
    if info.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED:
        row = _row(key, info, attempt, Status.PENDING, observed)
        queued = _time(info, "next_attempt_schedule_time") or _time(info, "scheduled_time")
        row |= {"queued": queued, "next_retry": queued if attempt > 1 else None}
    else:
        row = _row(key, info, attempt, Status.RUNNING, observed)
        row |= {
            "started": _time(info, "last_started_time"),
            "worker": info.last_worker_identity or None,
            "build_id": _build(info),
            "last_heartbeat": _time(info, "last_heartbeat_time"),
        }
        if attempt == 1:
            row["queued"] = _time(info, "scheduled_time")
    row["paused"] = bool(info.paused)
    return row


def _previous(key: RunKey, info: PendingActivityInfo, cause: Cause | None, observed: Micros) -> Row:
    row = _row(key, info, info.attempt - 1, cause.status if cause else Status.ERROR, observed)
    row |= {
        "ended": _time(info, "last_attempt_complete_time"),
        "error_type": cause.type if cause else None,
        "error_message": cause.message if cause else None,
        "http_status": cause.http_status if cause else None,
    }
    asked = cause.retry_delay_ms if cause else None
    if asked is not None:
        row |= {"retry_delay_ms": asked, "retry_by": RetryBy.SERVER.value}
    if info.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED:
        # Not started again yet: start and worker are still this attempt's.
        row |= {
            "started": _time(info, "last_started_time"),
            "worker": info.last_worker_identity or None,
            "build_id": _build(info),
        }
        # Without an end to count from (a timeout), the server counts the interval from 1970.
        if asked is None and row["ended"] is not None and info.HasField("current_retry_interval"):
            delay = info.current_retry_interval.ToMilliseconds()
            row |= {"retry_delay_ms": float(delay), "retry_by": RetryBy.POLICY.value}
    return row


def _time(info: PendingActivityInfo, name: str) -> Micros | None:
    if not info.HasField(name):  # type: ignore[arg-type]  # one of the message's own fields, by name
        return None
    stamp: Timestamp = getattr(info, name)
    return (stamp.seconds * 1_000_000 + stamp.nanos // 1000) or None


def _build(info: PendingActivityInfo) -> str | None:
    return info.last_deployment_version.build_id or info.last_worker_version_stamp.build_id or None
