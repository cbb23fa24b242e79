"""Finished spans, built whole: deterministic ids rule out the tracer API, which draws its own."""

from collections.abc import Mapping
from dataclasses import dataclass

from opentelemetry._logs import LogRecord
from opentelemetry._logs.severity import SeverityNumber
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.util.types import AttributeValue

from durascope import __version__
from durascope.conventions import SCOPE

Attributes = Mapping[str, AttributeValue]
INSTRUMENTATION = InstrumentationScope(SCOPE, __version__)
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_DROPPED = TraceFlags(TraceFlags.DEFAULT)


@dataclass(frozen=True, slots=True)
class SpanFacts:
    """One finished span. ``start`` and ``end`` are Unix nanoseconds; ``parent`` 0: none; ``error`` None: not failed."""

    name: str
    trace: int
    span: int
    parent: int
    start: int
    end: int
    attributes: dict[str, AttributeValue]
    kind: SpanKind = SpanKind.INTERNAL
    error: str | None = None
    links: tuple[tuple[int, int], ...] = ()
    remote_parent: bool = False
    ok: bool = False
    sampled: bool = True

    def inside(self, run: Attributes, *, sampled: bool) -> "SpanFacts":
        """The same with the attributes of its run. Not by ``dataclasses.replace``: that takes ten times as long."""
        return SpanFacts(
            self.name, self.trace, self.span, self.parent, self.start, self.end, {**run, **self.attributes},
            self.kind, self.error, self.links, self.remote_parent, self.ok, sampled,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class EventFacts:
    """One log event that belongs to a span. ``time``: Unix nanoseconds."""

    name: str
    trace: int
    span: int
    time: int
    attributes: Attributes


def span_context(trace: int, span: int, *, sampled: bool = True, remote: bool = False) -> SpanContext:
    """An OTel context for deterministic ids."""
    return SpanContext(trace, span, is_remote=remote, trace_flags=_SAMPLED if sampled else _DROPPED)


def readable(facts: SpanFacts, resource: Resource) -> ReadableSpan:
    """The SDK's own finished span, as every processor and exporter expects it."""
    if facts.error is not None:
        status = Status(StatusCode.ERROR, facts.error or None)
    else:
        status = Status(StatusCode.OK if facts.ok else StatusCode.UNSET)
    parent = span_context(facts.trace, facts.parent, remote=facts.remote_parent) if facts.parent else None
    return ReadableSpan(
        name=facts.name,
        context=span_context(facts.trace, facts.span),
        parent=parent,
        resource=resource,
        attributes=facts.attributes,
        links=[Link(span_context(*link, remote=True)) for link in facts.links],
        kind=facts.kind,
        status=status,
        start_time=facts.start,
        end_time=max(facts.end, facts.start),
        instrumentation_scope=INSTRUMENTATION,
    )


def log_record(facts: EventFacts) -> LogRecord:
    """The SDK's own record, for a logger or an exporter."""
    return LogRecord(
        timestamp=facts.time,
        observed_timestamp=facts.time,
        context=set_span_in_context(NonRecordingSpan(span_context(facts.trace, facts.span))),
        severity_number=SeverityNumber.INFO,
        event_name=facts.name,
        attributes=dict(facts.attributes),
    )


def readable_record(facts: EventFacts, resource: Resource) -> ReadableLogRecord:
    """The same as an exporter expects it."""
    return ReadableLogRecord(log_record(facts), resource, INSTRUMENTATION)
