"""Temporal's Failure chains as one type and one message."""

import re
from typing import NamedTuple

from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.failure.v1 import Failure

from durascope._history_payloads import Decode, json_object
from durascope.conventions import ERROR_TYPE_CANCELLED
from durascope.records import Status

MESSAGE_LIMIT = 2000
# Failures that only say where the real one happened.
_WRAPPERS = {"activity_failure_info", "child_workflow_execution_failure_info", "nexus_operation_execution_failure_info"}
_TIMEOUTS = {
    value: "".join(part.title() for part in name.removeprefix("TIMEOUT_TYPE_").split("_"))  # StartToClose ...
    for name, value in TimeoutType.items()
    if value
}
_HTTP_STATUS = re.compile(r"status code: (\d{3})\b|Error code: (\d{3})\b")


class Cause(NamedTuple):
    """A failure in one line. ``status`` is error, timeout or cancelled; ``retry_delay_ms`` the failure's own wish."""

    status: Status
    type: str | None
    message: str | None
    retry_delay_ms: float | None = None
    http_status: int | None = None
    last_failure: "Cause | None" = None  # of a timeout between attempts: how the last of them failed


def read_failure(failure: Failure, decode: Decode | None) -> Cause:
    """The innermost useful failure of a chain: wrappers are unwrapped, application errors are not."""
    while failure.WhichOneof("failure_info") in _WRAPPERS and failure.HasField("cause"):
        failure = failure.cause
    message = _message(failure, decode)
    match failure.WhichOneof("failure_info"):
        case "timeout_failure_info":
            kind = _TIMEOUTS.get(failure.timeout_failure_info.timeout_type, "Timeout")
            last = read_failure(failure.cause, decode) if failure.HasField("cause") else None
            return Cause(Status.TIMEOUT, kind, message, last_failure=last)
        case "canceled_failure_info":
            return Cause(Status.CANCELLED, ERROR_TYPE_CANCELLED, message)
        case "terminated_failure_info":
            return Cause(Status.ERROR, "Terminated", message)
        case "application_failure_info":
            info = failure.application_failure_info
            delay = info.next_retry_delay.ToMilliseconds() if info.HasField("next_retry_delay") else None
            return Cause(
                Status.ERROR, info.type or None, message, float(delay) if delay else None, _http_status(message)
            )
        case "server_failure_info":
            return Cause(Status.ERROR, "ServerFailure", message)
        case other:
            return Cause(Status.ERROR, other.removesuffix("_info") if other else None, message)


def _message(failure: Failure, decode: Decode | None) -> str | None:
    text = failure.message
    if failure.HasField("encoded_attributes"):
        decoded = json_object(failure.encoded_attributes, decode).get("message")
        text = decoded if isinstance(decoded, str) else text
    return text[:MESSAGE_LIMIT] or None


def _http_status(message: str | None) -> int | None:
    found = _HTTP_STATUS.search(message or "")
    return int(found.group(1) or found.group(2)) if found else None
