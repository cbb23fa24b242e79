"""Finished spans and events as OTLP messages, field by field what the SDK's own encoder makes of them.

Of our own because a worker's CPU is not ours to spend: the attributes of a run's spans repeat, and a pair of strings is
made into a message once here, which is a quarter of the work (benchmarks/overhead.py, docs/decisions/0014).
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs, SeverityNumber
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as WireResource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status
from opentelemetry.sdk.resources import Resource

from durascope import __version__
from durascope._safely import count_failure
from durascope._spans import INSTRUMENTATION, EventFacts, SpanFacts

REMOTE_KNOWN: Final = 0x100
REMOTE: Final = 0x200
REPEATED_CHARS: Final = 256
"""Longer texts are not kept: they hardly come twice."""
_SCOPE: Final = InstrumentationScope(name=INSTRUMENTATION.name, version=__version__)


def span_request(spans: Sequence[SpanFacts], resource: Resource) -> ExportTraceServiceRequest:
    """One request with these spans."""
    scope = ScopeSpans(scope=_SCOPE, spans=[_span(each) for each in spans])
    told = ResourceSpans(resource=_resource(resource), scope_spans=[scope], schema_url=resource.schema_url)
    return ExportTraceServiceRequest(resource_spans=[told])


def event_request(events: Sequence[EventFacts], resource: Resource) -> ExportLogsServiceRequest:
    """One request with these log events."""
    scope = ScopeLogs(scope=_SCOPE, log_records=[_event(each) for each in events])
    told = ResourceLogs(resource=_resource(resource), scope_logs=[scope], schema_url=resource.schema_url)
    return ExportLogsServiceRequest(resource_logs=[told])


def _span(facts: SpanFacts) -> Span:
    made = Span(
        trace_id=facts.trace.to_bytes(16, "big"),
        span_id=facts.span.to_bytes(8, "big"),
        name=_text(facts.name),
        kind=facts.kind.value + 1,  # type: ignore[arg-type]  # OTLP counts from "unspecified"
        start_time_unix_nano=facts.start,
        end_time_unix_nano=max(facts.end, facts.start),
        attributes=_pairs(facts.attributes),
        status=_status(facts),
        flags=REMOTE_KNOWN | REMOTE if facts.remote_parent and facts.parent else REMOTE_KNOWN,
    )
    if facts.parent:
        made.parent_span_id = facts.parent.to_bytes(8, "big")
    for trace, span in facts.links:
        flags = REMOTE_KNOWN | REMOTE
        made.links.add(trace_id=trace.to_bytes(16, "big"), span_id=span.to_bytes(8, "big"), flags=flags)
    return made


def _status(facts: SpanFacts) -> Status:
    if facts.error is not None:
        return Status(code=Status.STATUS_CODE_ERROR, message=_text(facts.error))
    return Status(code=Status.STATUS_CODE_OK if facts.ok else Status.STATUS_CODE_UNSET)


def _event(facts: EventFacts) -> LogRecord:
    return LogRecord(
        time_unix_nano=facts.time,
        observed_time_unix_nano=facts.time,
        severity_number=SeverityNumber.SEVERITY_NUMBER_INFO,
        attributes=_pairs(facts.attributes),
        flags=1,
        trace_id=facts.trace.to_bytes(16, "big"),
        span_id=facts.span.to_bytes(8, "big"),
        event_name=facts.name,
    )


@lru_cache(maxsize=8)
def _resource(resource: Resource) -> WireResource:
    return WireResource(attributes=_pairs(resource.attributes))


def _pairs(attributes: Mapping[str, Any]) -> list[KeyValue]:
    return [pair for pair in _each(attributes) if pair is not None]


def _each(attributes: Mapping[str, Any]) -> Iterable[KeyValue | None]:
    for name, value in attributes.items():
        if type(value) is str and len(value) <= REPEATED_CHARS:
            yield _repeated(name, value)
        else:
            yield _pair(name, value)


@lru_cache(maxsize=4096)
def _repeated(name: str, value: str) -> KeyValue:
    return KeyValue(key=name, value=AnyValue(string_value=_text(value)))


def _pair(name: str, value: Any) -> KeyValue | None:
    try:
        return KeyValue(key=name, value=_value(value))
    except (TypeError, ValueError) as error:  # not a value of OpenTelemetry's, or a number of more than 64 bits
        count_failure("attribute", error)
        return None


def _value(value: Any) -> AnyValue:
    kind = type(value)  # not isinstance, which the workflow sandbox makes slow in every thread
    if kind is int:
        return AnyValue(int_value=value)
    if kind is str:
        return AnyValue(string_value=_text(value))
    if kind is bool:
        return AnyValue(bool_value=value)
    if kind is float:
        return AnyValue(double_value=value)
    if isinstance(value, str):  # an enumeration, say
        return _value(str.__str__(value))
    if isinstance(value, int):
        return _value(int(value))
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return AnyValue(array_value=ArrayValue(values=[_value(each) for each in value]))
    raise TypeError(f"{kind.__name__} is not a value of an attribute")


def _text(text: str) -> str:
    # Half a surrogate pair, as a cut through an emoji leaves it, is no UTF-8: one such text would lose its whole batch.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
