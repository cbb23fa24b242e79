"""An attempt as its span, or the event of its start, tells it: a row of ``span_attempts``."""

from collections.abc import Sequence
from typing import Any

from durascope import conventions as names
from durascope.records import Source, Status
from durascope_dashboard.collector.dialects import first, integer, model, number, text
from durascope_dashboard.store import schema

_STATUSES = frozenset(Status)


def _nanos(value: Any) -> int | None:
    found = integer(value)
    return found // 1000 if found is not None and found > 0 else None


def _status(attributes: dict[str, Any], span_status: str, ended: int | None) -> str:
    said = text(attributes.get(names.OUTCOME))
    if said in _STATUSES:
        return str(said)
    if ended is None:
        return Status.RUNNING
    return Status.ERROR if span_status == "error" else Status.OK


def attempt_row(
    key: tuple[str, str, str], activity: str, attempt: int, attributes: dict[str, Any],
    tokens: Sequence[int | None], *, times: tuple[int | None, int | None], status: str, message: str | None,
) -> dict[str, Any]:  # fmt: skip
    """``times`` are the span's own, on the worker's clock; the server's start, where said, tells the skew."""
    begun, ended = times
    server_start = _nanos(attributes.get(names.STARTED_TIME))
    started = server_start or begun
    delay = number(attributes.get(names.RETRY_DELAY))
    limit = integer(attributes.get(names.RETRY_MAX_ATTEMPTS))
    outcome = _status(attributes, status, ended)
    row: dict[str, Any] = dict(zip(schema.RUN_KEY, key, strict=True)) | {
        "activity_id": activity, "attempt": attempt, "status": outcome, "source": Source.SPAN.value,
        "queued": _nanos(attributes.get(names.QUEUED_TIME)), "started": started, "ended": ended,
        "error_type": text(attributes.get(names.ERROR_TYPE)),
        "error_message": text(attributes.get(names.ERROR_MESSAGE)) or message,
        "retry_delay_ms": None if delay is None else delay * 1000.0,
        "retry_by": text(attributes.get(names.RETRY_BY)),
        "worker": text(attributes.get(names.WORKER)), "task_queue": text(attributes.get(names.TASK_QUEUE)),
        "build_id": text(attributes.get(names.BUILD_ID)), "model": model(attributes),
        "response_id": text(attributes.get(names.GEN_AI_RESPONSE_ID)),
        "http_status": integer(attributes.get(names.HTTP_STATUS)),
        "http_retries": integer(attributes.get(names.HTTP_RETRIES)),
        "estimated": False,
        "skew_ms": (begun - server_start) / 1000.0 if begun and server_start else None,
        "workflow_type": text(attributes.get(names.WORKFLOW_TYPE)),
        "activity_type": text(attributes.get(names.ACTIVITY_TYPE)),
        "operation_kind": text(attributes.get(names.OPERATION_KIND)),
        "agent": text(first(attributes, names.GEN_AI_AGENT_NAME)),
        "max_attempts": limit or None,
        "scheduled": _nanos(attributes.get(names.SCHEDULED_TIME)),
        "is_local": bool(attributes.get(names.IS_LOCAL)),
        "parent_span_id": text(attributes.get(names.PARENT_SPAN_ID)),
    }  # fmt: skip
    return row | {f"tokens_{kind}": count for kind, count in zip(schema.TOKEN_KINDS, tokens, strict=True)}
