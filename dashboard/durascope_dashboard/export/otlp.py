"""Trace spans as an OTLP request; the receiver sees the same message whether it comes by gRPC or HTTP."""

from collections.abc import Iterable
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from durascope_dashboard.export.spans import TraceSpan

_STATUS = {"ok": Status.STATUS_CODE_OK, "error": Status.STATUS_CODE_ERROR}


def request(spans: Iterable[TraceSpan]) -> Any:
    """One ``ExportTraceServiceRequest``, spans grouped by resource and scope."""
    groups: dict[tuple[str, str], tuple[TraceSpan, list[Any]]] = {}
    for span in spans:
        key = (repr(sorted(span.resource.items())), span.scope)
        groups.setdefault(key, (span, []))[1].append(_span(span))
    return ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=Resource(attributes=attributes(first.resource)),
                scope_spans=[ScopeSpans(scope=InstrumentationScope(name=first.scope), spans=members)],
            )
            for first, members in groups.values()
        ]
    )


def _span(span: TraceSpan) -> Any:
    return Span(
        trace_id=bytes.fromhex(span.trace_id),
        span_id=bytes.fromhex(span.span_id),
        parent_span_id=bytes.fromhex(span.parent_span_id or ""),
        name=span.name,
        kind=Span.SPAN_KIND_CLIENT if span.client else Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=span.start * 1000,
        end_time_unix_nano=span.end * 1000,
        attributes=attributes(span.attributes),
        links=[Span.Link(trace_id=bytes.fromhex(t), span_id=bytes.fromhex(s)) for t, s in span.links],
        status=Status(code=_STATUS.get(span.status, Status.STATUS_CODE_UNSET), message=span.message or ""),
    )


def attributes(values: dict[str, Any]) -> list[Any]:
    """OTLP key-value pairs."""
    return [KeyValue(key=key, value=_value(value)) for key, value in values.items()]


def _value(value: Any) -> Any:
    match value:
        case bool():  # before int: a bool is one
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case list() | tuple():
            return AnyValue(array_value=ArrayValue(values=[_value(item) for item in value]))
        case _:
            return AnyValue(string_value=str(value))
