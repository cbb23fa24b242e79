"""Where spans, log events and measurements leave Durascope for OpenTelemetry; nothing here blocks its caller."""

import threading
import time
from collections.abc import Callable
from typing import Any

from opentelemetry.metrics import MeterProvider

from durascope._buffer import Buffer, keep_company
from durascope._content import Content
from durascope._metrics import Metrics
from durascope._outcome import Outcome
from durascope._safely import count_failure, safely
from durascope._spans import Attributes, EventFacts, SpanFacts
from durascope._ways import Way, call_all
from durascope.records import Tokens

Clock = Callable[[], int]
"""Tells Unix nanoseconds."""
SETTLE_S = 1.0
"""A collection of metrics waits no longer than this for those that are on their way."""


class Pipeline:
    """One plugin's way out, and its metrics.

    Measurements are recorded on a thread of their own, many at once: one at a time, between other work, each costs the
    workflow's and the activities' threads five times as much.
    """

    def __init__(
        self,
        way: Way,
        meter_provider: MeterProvider | None = None,
        *,
        content: Content | None = None,
        size: int,
        clock: Clock = time.time_ns,
    ) -> None:
        self._way = way
        self._meters = meter_provider
        self._measured: Buffer[Callable[[], None]] = Buffer(call_all, size=size, name="metrics")
        keep_company(self._measured, *way.buffers())
        self.sampler = way.sampler
        self.content = content or Content()
        self.clock = clock
        self._metrics = Metrics(meter_provider, self.dropped, lambda: self._measured.flush(SETTLE_S))

    def dropped(self) -> int:
        """Spans, records and measurements lost so far."""
        return self._way.dropped() + self._measured.dropped

    @safely
    def span(self, facts: SpanFacts) -> None:
        """Pass on a finished span, if its run is sampled, and count it in the metrics."""
        if self._metrics.measures(facts):
            self._measured.put(lambda: self._metrics.span(facts))
        if facts.sampled:
            self._way.span(facts)

    @safely
    def attempt(self, facts: SpanFacts, outcome: Outcome, tokens: Tokens | None, queue_s: float | None) -> None:
        """Pass on the span of an attempt that has ended, and measure it. ``queue_s``: seconds from due to started."""
        self._measured.put(lambda: self._metrics.attempt(facts, outcome, tokens, queue_s))
        if facts.sampled:
            self._way.span(facts)

    @safely
    def event(self, name: str, trace: int, span: int, time_ns: int, attributes: Attributes) -> None:
        """Pass on a log event that belongs to a span."""
        self._way.event(EventFacts(name, trace, span, time_ns, attributes))

    @safely
    def flush(self, timeout_s: float) -> None:
        """Make everything leave the process, or give up after the time."""
        deadline = time.monotonic() + timeout_s
        self._measured.flush(timeout_s)
        ways = [*self._way.flushes(deadline), *([self._meters] if self._meters is not None else [])]
        # Side by side and on threads of their own: exporters retry for longer than they are told to.
        flushing = [
            threading.Thread(target=_flush, args=(each, deadline), name="durascope-flush", daemon=True) for each in ways
        ]
        for thread in flushing:
            thread.start()
        for thread in flushing:
            thread.join(max(deadline - time.monotonic(), 0.0))


def _flush(way: Any, deadline: float) -> None:
    left = max(deadline - time.monotonic(), 0.0)
    try:
        if isinstance(way, Buffer):
            way.flush(left)
        else:
            way.force_flush(int(left * 1000))
    except Exception as error:  # a provider that is shut down already, say
        count_failure("flush", error)
