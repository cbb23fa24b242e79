"""OTLP requests as a worker sends them, made with the protobuf classes of opentelemetry-proto."""

from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from durascope import conventions as names
from durascope.identity import AttemptKey, RunKey, attempt_span_id, trace_id

RUN = RunKey("default", "order-1", "run-1")
SECOND = 1_000_000_000
T0 = 1_790_000_000 * SECOND


def any_value(value: Any) -> AnyValue:
    """Python as an AnyValue."""
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))
    return AnyValue(string_value=value)


def pairs(attributes: dict[str, Any]) -> list[KeyValue]:
    """Attributes as KeyValues."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def attempt_attributes(
    run: RunKey = RUN, activity: str = "1", attempt: int = 1, more: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What every attempt span carries."""
    return {
        names.KIND: names.SPAN_ATTEMPT,
        names.NAMESPACE: run.namespace,
        names.WORKFLOW_ID: run.workflow_id,
        names.RUN_ID: run.run_id,
        names.ACTIVITY_ID: activity,
        names.ACTIVITY_TYPE: "invoke_model_activity",
        names.OPERATION_KIND: "model",
        names.ATTEMPT: attempt,
        names.QUEUED_TIME: T0 + attempt * SECOND,
        names.STARTED_TIME: T0 + attempt * SECOND + 5_000_000,
        names.SCHEDULED_TIME: T0,
        names.OUTCOME: "ok",
        names.RETRY_MAX_ATTEMPTS: 0,
        names.GEN_AI_REQUEST_MODEL: "gpt-5-mini",
        names.WORKER: "4711@host",
    } | (more or {})


def attempt_span(run: RunKey = RUN, activity: str = "1", attempt: int = 1, more: dict[str, Any] | None = None) -> Span:
    """An attempt span of one second; ``more`` are further attributes by their full names."""
    key = AttemptKey(*run, activity, attempt)
    start = T0 + attempt * SECOND + 10_000_000
    return Span(
        trace_id=trace_id(run).to_bytes(16, "big"),
        span_id=attempt_span_id(key).to_bytes(8, "big"),
        name=f"invoke_model_activity attempt {attempt}",
        start_time_unix_nano=start,
        end_time_unix_nano=start + SECOND,
        attributes=pairs(attempt_attributes(run, activity, attempt, more)),
        status=Status(code=Status.STATUS_CODE_OK),
    )


def request(*spans: Span, resource: dict[str, Any] | None = None) -> bytes:
    """An export request's body."""
    message = ExportTraceServiceRequest()
    group = message.resource_spans.add()
    group.resource.attributes.extend(pairs({"service.name": "worker"} | (resource or {})))
    scoped = group.scope_spans.add()
    scoped.scope.name = names.SCOPE
    scoped.spans.extend(spans)
    return message.SerializeToString()


def started_event(run: RunKey = RUN, activity: str = "1", attempt: int = 1) -> bytes:
    """A logs request with one started-event."""
    message = ExportLogsServiceRequest()
    record = message.resource_logs.add().scope_logs.add().log_records.add()
    record.event_name = names.EVENT_ATTEMPT_STARTED
    record.time_unix_nano = T0 + attempt * SECOND + 10_000_000
    attributes = attempt_attributes(run, activity, attempt)
    del attributes[names.OUTCOME]
    record.attributes.extend(pairs(attributes))
    return message.SerializeToString()
