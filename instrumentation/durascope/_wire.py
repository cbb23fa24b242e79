"""Finished spans and events as OTLP requests, field by field what the SDK's own encoder makes of them.

Of our own because a worker's CPU is not ours to spend: the attributes of a run's spans repeat, so a pair is made into
bytes once. A protobuf message's fields may follow each other in any order, so those bytes are put behind what is a
span's own (benchmarks/overhead.py, docs/decisions/0014).
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from google.protobuf.message import Message
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
REPEATED_INT: Final = 2**20
"""Longer texts and larger numbers are not kept: they hardly come twice."""
_SCOPE: Final = InstrumentationScope(name=INSTRUMENTATION.name, version=__version__)


def span_request(spans: Sequence[SpanFacts], resource: Resource) -> bytes:
    """An ``ExportTraceServiceRequest`` with these spans."""
    head, scope = _heads(resource)
    told = scope + b"".join(_field(_SPANS, _span(each)) for each in spans)
    return _field(_RESOURCE_SPANS, head + _field(_SCOPE_SPANS, told))


def weight(facts: SpanFacts | EventFacts) -> int:
    """About how many bytes one is, at least: that of its texts, which alone can be long."""
    texts = [value for value in facts.attributes.values() if type(value) is str and len(value) > REPEATED_CHARS]
    if isinstance(facts, SpanFacts) and facts.error:
        texts.append(facts.error)
    return 1_024 + sum(len(text) if text.isascii() else 4 * len(text) for text in texts)


def event_request(events: Sequence[EventFacts], resource: Resource) -> bytes:
    """An ``ExportLogsServiceRequest`` with these log events."""
    head, scope = _heads(resource)
    told = scope + b"".join(_field(_LOG_RECORDS, _event(each)) for each in events)
    return _field(_RESOURCE_LOGS, head + _field(_SCOPE_LOGS, told))


@lru_cache(maxsize=8)
def _heads(resource: Resource) -> tuple[bytes, bytes]:
    """What stands before the spans (or events, whose messages are numbered alike): resource, and scope."""
    pairs = [pair for name, value in resource.attributes.items() if (pair := _pair(name, value)) is not None]
    head = ResourceSpans(resource=WireResource(attributes=pairs), schema_url=resource.schema_url)
    return head.SerializeToString(), ScopeSpans(scope=_SCOPE).SerializeToString()


def _span(facts: SpanFacts) -> bytes:
    made = Span(
        trace_id=facts.trace.to_bytes(16, "big"),
        span_id=facts.span.to_bytes(8, "big"),
        name=_text(facts.name),
        kind=facts.kind.value + 1,  # type: ignore[arg-type]  # OTLP counts from "unspecified"
        start_time_unix_nano=facts.start,
        end_time_unix_nano=max(facts.end, facts.start),
        status=_status(facts),
        flags=REMOTE_KNOWN | REMOTE if facts.remote_parent and facts.parent else REMOTE_KNOWN,
    )
    if facts.parent:
        made.parent_span_id = facts.parent.to_bytes(8, "big")
    for trace, span in facts.links:
        flags = REMOTE_KNOWN | REMOTE
        made.links.add(trace_id=trace.to_bytes(16, "big"), span_id=span.to_bytes(8, "big"), flags=flags)
    return made.SerializeToString() + b"".join(_attributes(_SPAN_ATTRIBUTES, facts.attributes))


def _status(facts: SpanFacts) -> Status:
    if facts.error is not None:
        return Status(code=Status.STATUS_CODE_ERROR, message=_text(facts.error))
    return _OK if facts.ok else _UNSET


def _event(facts: EventFacts) -> bytes:
    made = LogRecord(
        time_unix_nano=facts.time,
        observed_time_unix_nano=facts.time,
        severity_number=SeverityNumber.SEVERITY_NUMBER_INFO,
        flags=1,
        trace_id=facts.trace.to_bytes(16, "big"),
        span_id=facts.span.to_bytes(8, "big"),
        event_name=facts.name,
    )
    return made.SerializeToString() + b"".join(_attributes(_LOG_ATTRIBUTES, facts.attributes))


def _attributes(tag: int, attributes: Mapping[str, Any]) -> Iterator[bytes]:
    for name, value in attributes.items():
        kind = type(value)  # not isinstance, which the workflow sandbox makes slow in every thread
        if (kind is str and len(value) <= REPEATED_CHARS) or (kind is int and 0 <= value < REPEATED_INT):
            yield _repeated(tag, name, value)
        else:
            yield _attribute(tag, name, value)


def _attribute(tag: int, name: str, value: Any) -> bytes:
    """The whole field; empty for what is no attribute."""
    pair = _pair(name, value)
    return _field(tag, pair.SerializeToString()) if pair is not None else b""


_repeated = lru_cache(maxsize=4096)(_attribute)  # only of str and int, whose equals are the same


def _field(tag: int, message: bytes) -> bytes:
    """A field that holds a message: number and wire type, the length in groups of seven bits, the message."""
    head, size = bytearray((tag,)), len(message)
    while size > 0x7F:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + message


def _tag(message: type[Message], field: str) -> int:
    return int(message.DESCRIPTOR.fields_by_name[field].number) << 3 | 2


_RESOURCE_SPANS: Final = _tag(ExportTraceServiceRequest, "resource_spans")
_SCOPE_SPANS: Final = _tag(ResourceSpans, "scope_spans")
_SPANS: Final = _tag(ScopeSpans, "spans")
_SPAN_ATTRIBUTES: Final = _tag(Span, "attributes")
_RESOURCE_LOGS: Final = _tag(ExportLogsServiceRequest, "resource_logs")
_SCOPE_LOGS: Final = _tag(ResourceLogs, "scope_logs")
_LOG_RECORDS: Final = _tag(ScopeLogs, "log_records")
_LOG_ATTRIBUTES: Final = _tag(LogRecord, "attributes")
_OK: Final = Status(code=Status.STATUS_CODE_OK)
_UNSET: Final = Status(code=Status.STATUS_CODE_UNSET)


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
