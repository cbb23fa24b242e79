"""The two ways out: OTLP of our own by the standard ``OTEL_*`` variables, or providers that the program gives."""

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

from durascope import _otlp, _wire
from durascope._buffer import Buffer
from durascope._safely import count_failure
from durascope._spans import INSTRUMENTATION, EventFacts, SpanFacts, log_record, readable, readable_record

BUFFERED = 20_000  # items; some 40 MB of spans at the very most

OWN_GAP_S = 1.0  # by themselves; the pipeline's jobs, which fill them, take them along at once

Job = Callable[[], None]


class Way(ABC):
    """Takes finished spans and log events, from any thread and without blocking."""

    sampler: Sampler

    @abstractmethod
    def span(self, facts: SpanFacts) -> None:
        """Take a finished span."""

    @abstractmethod
    def event(self, facts: EventFacts) -> None:
        """Take a log event."""

    @abstractmethod
    def dropped(self) -> int:
        """Spans and events lost so far."""

    def buffers(self) -> list[Buffer[Any]]:
        """Those in front of an exporter of ours."""
        return []

    @abstractmethod
    def flushes(self, deadline: float) -> list[Any]:
        """What has to be flushed, each on a thread of its own: buffers and providers. ``deadline``: monotonic."""


class OwnWay(Way):
    """Within a second by OTLP, and kept while the collector is away. ``size`` bounds what is kept, of each signal."""

    def __init__(self, size: int) -> None:
        provider = TracerProvider(shutdown_on_exit=False)  # for the sampler and the resource that the variables name
        self.sampler = provider.sampler
        self._spans: Buffer[SpanFacts] | None = None
        self._events: Buffer[EventFacts] | None = None
        if not switched_off("TRACES"):
            self._spans = Buffer(_send_spans(provider.resource), size=size, name="spans", gap_s=OWN_GAP_S)
        if not switched_off("LOGS"):
            self._events = Buffer(_send_events(provider.resource), size=size, name="logs", gap_s=OWN_GAP_S)

    def span(self, facts: SpanFacts) -> None:
        """See base class."""
        if self._spans is not None:
            self._spans.put(facts)

    def event(self, facts: EventFacts) -> None:
        """See base class."""
        if self._events is not None:
            self._events.put(facts)

    def dropped(self) -> int:
        """See base class."""
        return sum(each.dropped for each in self.buffers())

    def buffers(self) -> list[Buffer[Any]]:
        """See base class."""
        return [each for each in (self._spans, self._events) if each is not None]

    def flushes(self, deadline: float) -> list[Any]:
        """See base class."""
        return self.buffers()


class GivenWay(Way):
    """Through the program's own providers, whose processors are called from a thread of ours.

    A processor that opens a file or a socket on the workflow thread would block it, or meet the sandbox.
    """

    def __init__(self, tracer_provider: Any | None, logger_provider: Any | None, size: int) -> None:
        # temporalio's ReplaySafeTracerProvider holds the SDK's provider, whose processors are what spans are handed to.
        provider = getattr(tracer_provider, "_tracer_provider", tracer_provider)
        self._processor = getattr(provider, "_active_span_processor", None)
        self.sampler = getattr(provider, "sampler", ALWAYS_ON)
        self._resource: Resource = getattr(provider, "resource", None) or Resource.create({})
        self._providers = [found for found in (provider, logger_provider) if found is not None]
        logger = logger_provider.get_logger(INSTRUMENTATION.name, INSTRUMENTATION.version) if logger_provider else None
        self._emit = logger.emit if logger else None
        self._handoff: Buffer[Job] = Buffer(call_all, size=size, name="handoff", gap_s=0.0)

    def span(self, facts: SpanFacts) -> None:
        """See base class."""
        processor = self._processor
        if processor is not None:
            self._handoff.put(lambda: processor.on_end(readable(facts, self._resource)))

    def event(self, facts: EventFacts) -> None:
        """See base class."""
        emit = self._emit
        if emit is not None:
            self._handoff.put(lambda: emit(log_record(facts)))

    def dropped(self) -> int:
        """See base class."""
        return self._handoff.dropped

    def flushes(self, deadline: float) -> list[Any]:
        """See base class."""
        self._handoff.flush(max(deadline - time.monotonic(), 0.0))
        return self._providers


def call_all(calls: Sequence[Job]) -> bool:
    """Call each; what one raises is counted."""
    for call in calls:
        try:
            call()
        except Exception as error:
            count_failure("a job, or a span processor", error)
    return True


def switched_off(signal: str) -> bool:
    """Whether the environment wants nothing of this signal."""
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return off or os.environ.get(f"OTEL_{signal}_EXPORTER", "").lower() == "none"


def own_meter_provider() -> MeterProvider | None:
    """A provider that exports every ``OTEL_METRIC_EXPORT_INTERVAL``; None if the environment switches metrics off."""
    if switched_off("METRICS"):
        return None
    return MeterProvider([PeriodicExportingMetricReader(_metric_exporter())], shutdown_on_exit=False)


def _metric_exporter() -> MetricExporter:
    if _otlp.uses_http("METRICS"):
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpExporter

        return HttpExporter()
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcExporter

    return GrpcExporter()


def _send_spans(resource: Resource) -> Callable[[Sequence[SpanFacts]], bool]:
    if _otlp.uses_http("TRACES"):
        return _otlp.Http("TRACES", lambda spans: _wire.span_request(spans, resource))
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    return _otlp.by_exporter(OTLPSpanExporter(), lambda facts: readable(facts, resource))


def _send_events(resource: Resource) -> Callable[[Sequence[EventFacts]], bool]:
    if _otlp.uses_http("LOGS"):
        return _otlp.Http("LOGS", lambda events: _wire.event_request(events, resource))
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter

    return _otlp.by_exporter(OTLPLogExporter(), lambda facts: readable_record(facts, resource))
