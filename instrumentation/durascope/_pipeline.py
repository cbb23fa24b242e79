"""Where spans and log records leave: a bounded queue and one thread between the program and OpenTelemetry."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from opentelemetry._logs import LogRecord
from opentelemetry._logs.severity import SeverityNumber
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler
from opentelemetry.trace import NonRecordingSpan, TracerProvider, set_span_in_context

from durascope._safely import count_failure, safely
from durascope._spans import Attributes, SpanFacts, readable, span_context

COALESCE_S = 0.05
QUEUE_SIZE = 65_536


class Pipeline:
    """Takes finished spans and log records from any thread; hands them on from one of its own.

    ``dropped`` counts what a full queue lost.
    """

    def __init__(self, tracer_provider: TracerProvider | None, logger_provider: Any | None) -> None:
        provider: Any = _unwrap(tracer_provider)
        self._processor = getattr(provider, "_active_span_processor", None)
        self.sampler: Sampler = getattr(provider, "sampler", ALWAYS_ON)
        self._resource: Resource = getattr(provider, "resource", None) or Resource.create({})
        self._providers = [found for found in (provider, logger_provider) if found is not None]
        self._logger = logger_provider.get_logger("durascope") if logger_provider is not None else None
        self._queue: deque[Callable[[], None]] = deque()
        self._wake = threading.Event()
        self._stopped = False
        self._idle = threading.Condition()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self.dropped = 0

    def span(self, facts: SpanFacts) -> None:
        """Queue a finished span."""
        if self._processor is not None:
            self._put(lambda: self._processor.on_end(readable(facts, self._resource)))  # type: ignore[union-attr]  # checked above

    def event(self, name: str, trace: int, span: int, time_ns: int, attributes: Attributes) -> None:
        """Queue a log event that belongs to a span."""
        logger = self._logger
        if logger is None:
            return
        context = set_span_in_context(NonRecordingSpan(span_context(trace, span)))
        record = LogRecord(
            timestamp=time_ns,
            observed_timestamp=time_ns,
            context=context,
            severity_number=SeverityNumber.INFO,
            event_name=name,
            attributes=dict(attributes),
        )
        self._put(lambda: logger.emit(record))

    def _put(self, item: Callable[[], None]) -> None:
        if len(self._queue) >= QUEUE_SIZE:
            self.dropped += 1
            return
        self._queue.append(item)
        if not self._wake.is_set():
            self._wake.set()
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="durascope", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while not self._stopped or self._queue:
            self._wake.wait()
            self._wake.clear()
            self._drain()
            # Spans come in bursts: one wake-up for a burst, not one a span.
            if not self._stopped:
                threading.Event().wait(COALESCE_S)

    def _drain(self) -> None:
        with self._idle:
            while self._queue:
                try:
                    self._queue.popleft()()
                except Exception as error:
                    count_failure("export", error)

    @safely
    def flush(self, timeout_s: float = 10.0) -> None:
        """Hand on everything queued and make the providers export it."""
        self._drain()
        for provider in self._providers:
            provider.force_flush(int(timeout_s * 1000))


def _unwrap(provider: TracerProvider | None) -> Any:
    # temporalio's ReplaySafeTracerProvider holds the SDK's provider; its processors are what we hand spans to.
    return getattr(provider, "_tracer_provider", provider)
