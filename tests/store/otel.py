"""OTLP requests as the OpenTelemetry Collector's ClickHouse exporter writes them: rows of ``otel_traces``."""

import base64
import json
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

COLUMNS = (
    "Timestamp", "TraceId", "SpanId", "ParentSpanId", "TraceState", "SpanName", "SpanKind", "ServiceName",
    "ResourceAttributes", "ScopeName", "ScopeVersion", "SpanAttributes", "Duration", "StatusCode", "StatusMessage",
    "Events.Timestamp", "Events.Name", "Events.Attributes",
)  # fmt: skip
_STATUS = ("Unset", "Ok", "Error")


def plain(value: AnyValue) -> Any:
    """An AnyValue as Python."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {item.key: plain(item.value) for item in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return None if kind is None else getattr(value, kind)


def as_string(value: Any) -> str:
    """As pdata's ``AsString`` has it."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def texts(pairs: Any) -> dict[str, str]:
    """Attributes, every value as text."""
    return {pair.key: as_string(plain(pair.value)) for pair in pairs}


def otel_rows(body: bytes) -> list[tuple[Any, ...]]:
    """What the exporter inserts for a trace request, by COLUMNS; times as nanoseconds."""
    message = ExportTraceServiceRequest.FromString(body)
    return [
        _row(texts(group.resource.attributes), scoped.scope, span)
        for group in message.resource_spans
        for scoped in group.scope_spans
        for span in scoped.spans
    ]


def _row(resource: dict[str, str], scope: Any, span: Span) -> tuple[Any, ...]:
    return (
        span.start_time_unix_nano, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(), span.trace_state,
        span.name, "Internal", resource.get("service.name", ""), resource, scope.name, scope.version,
        texts(span.attributes), (span.end_time_unix_nano - span.start_time_unix_nano) % 2**64,
        _STATUS[span.status.code], span.status.message, [event.time_unix_nano for event in span.events],
        [event.name for event in span.events], [texts(event.attributes) for event in span.events],
    )  # fmt: skip
