"""Where spans, log events and measurements leave Durascope for OpenTelemetry; nothing here blocks its caller."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry._logs import LogRecord
from opentelemetry._logs.severity import SeverityNumber
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler
from opentelemetry.trace import NonRecordingSpan, set_span_in_context

from durascope._buffer import Buffer
from durascope._content import Content
from durascope._metrics import Metrics
from durascope._safely import count_failure, safely
from durascope._spans import INSTRUMENTATION, Attributes, SpanFacts, readable, span_context

Clock = Callable[[], int]
"""Tells Unix nanoseconds."""


class Pipeline:
    """One plugin's way out. ``direct``: the providers' processors are ours, which only append to a buffer.

    Anyone else's processors are called from a thread of ours: an exporter that opens a file or a socket on the
    workflow thread would block it, or meet the sandbox.
    """

    def __init__(
        self,
        tracer_provider: Any | None,
        meter_provider: Any | None = None,
        logger_provider: Any | None = None,
        *,
        content: Content | None = None,
        direct: bool = False,
        size: int = 20_000,
        clock: Clock = time.time_ns,
    ) -> None:
        provider = _unwrap(tracer_provider)
        self.tracer_provider = provider
        self._processor = getattr(provider, "_active_span_processor", None)
        self.sampler: Sampler = getattr(provider, "sampler", ALWAYS_ON)
        self._resource: Resource = getattr(provider, "resource", None) or Resource.create({})
        self._providers = [found for found in (provider, logger_provider, meter_provider) if found is not None]
        logger = logger_provider.get_logger(INSTRUMENTATION.name, INSTRUMENTATION.version) if logger_provider else None
        self._emit_record: Callable[[LogRecord], None] | None = logger.emit if logger else None
        self._direct = direct
        self._handoff: Buffer[Callable[[], None]] = Buffer(_call_all, size=size, name="handoff", gap_s=0.0)
        self.content = content or Content()
        self.clock = clock
        self.metrics = Metrics(meter_provider, self.dropped)

    def dropped(self) -> int:
        """Spans and records lost so far."""
        processors = getattr(self._processor, "_span_processors", ())
        buffers = [found for each in processors if isinstance(found := getattr(each, "buffer", None), Buffer)]
        return self._handoff.dropped + sum(each.dropped for each in buffers)

    @safely
    def span(self, facts: SpanFacts) -> None:
        """Pass on a finished span, if its run is sampled, and count it in the metrics."""
        self.metrics.span(facts)
        if self._processor is None or not facts.sampled:
            return
        if self._direct:
            self._processor.on_end(readable(facts, self._resource))
        else:
            self._handoff.put(lambda: self._end(facts))

    def _end(self, facts: SpanFacts) -> None:
        if self._processor is not None:
            self._processor.on_end(readable(facts, self._resource))

    @safely
    def event(self, name: str, trace: int, span: int, time_ns: int, attributes: Attributes) -> None:
        """Pass on a log event that belongs to a span."""
        emit = self._emit_record
        if emit is None:
            return
        record = LogRecord(
            timestamp=time_ns,
            observed_timestamp=time_ns,
            context=set_span_in_context(NonRecordingSpan(span_context(trace, span))),
            severity_number=SeverityNumber.INFO,
            event_name=name,
            attributes=dict(attributes),
        )
        if self._direct:
            emit(record)
        else:
            self._handoff.put(lambda: emit(record))

    @safely
    def flush(self, timeout_s: float) -> None:
        """Make everything leave the process, or give up after the time."""
        deadline = time.monotonic() + timeout_s
        self._handoff.flush(timeout_s)
        # Side by side and on threads of their own: exporters retry for longer than they are told to.
        flushing = [
            threading.Thread(target=_flush, args=(each, timeout_s), name="durascope-flush", daemon=True)
            for each in self._providers
        ]
        for thread in flushing:
            thread.start()
        for thread in flushing:
            thread.join(max(deadline - time.monotonic(), 0.0))


def _flush(provider: Any, timeout_s: float) -> None:
    try:
        provider.force_flush(int(timeout_s * 1000))
    except Exception as error:  # a provider that is shut down already, say
        count_failure("flush", error)


def _call_all(calls: Sequence[Callable[[], None]]) -> bool:
    for call in calls:
        try:
            call()
        except Exception as error:
            count_failure("span processor", error)
    return True


def _unwrap(provider: Any | None) -> Any | None:
    # temporalio's ReplaySafeTracerProvider holds the SDK's provider, whose processors are what spans are handed to.
    return getattr(provider, "_tracer_provider", provider)
