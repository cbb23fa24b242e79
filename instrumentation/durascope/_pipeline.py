"""Where spans, log events and measurements leave Durascope for OpenTelemetry; nothing here blocks its caller."""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from opentelemetry.metrics import MeterProvider

from durascope._buffer import Buffer, keep_company
from durascope._content import Content
from durascope._metrics import Metrics
from durascope._safely import count_failure, safely
from durascope._spans import Attributes, EventFacts, SpanFacts
from durascope._ways import Job, Way, call_all

Clock = Callable[[], int]
"""Tells Unix nanoseconds."""
SETTLE_S = 1.0
"""A collection of metrics waits no longer than this for those that are on their way."""


class Pipeline:
    """One plugin's way out, and its metrics.

    Whatever need not be done at once is done on a thread of its own, with others of its kind and before they are sent:
    one at a time, between other work, each costs the workflow's and the activities' threads several times as much.
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
        self._jobs: Buffer[Job] = Buffer(self._do, size=size, name="jobs")
        keep_company(self._jobs, *way.buffers())
        self.sampler = way.sampler
        self.content = content or Content()
        self.clock = clock
        self.metrics = Metrics(meter_provider, self.dropped, lambda: self._jobs.flush(SETTLE_S))

    def dropped(self) -> int:
        """Spans and events lost so far."""
        return self._way.dropped() + self._jobs.dropped

    def later(self, *jobs: Job) -> None:
        """Do them soon, in order, on another thread. What they read must not change any more."""
        self._jobs.put(*jobs)

    def _do(self, jobs: Sequence[Job]) -> bool:
        return call_all([*jobs, self.metrics.record])

    @safely
    def span(self, facts: SpanFacts) -> None:
        """Pass on a finished span, if its run is sampled, and count it in the metrics."""
        self.later(partial(self.pass_on, facts))

    def pass_on(self, facts: SpanFacts) -> None:
        """The same in a job of :meth:`later`."""
        self.metrics.span(facts)
        if facts.sampled:
            self._way.span(facts)

    @safely
    def event(self, name: str, trace: int, span: int, time_ns: int, attributes: Attributes) -> None:
        """Pass on a log event that belongs to a span, in a job of :meth:`later`. Unix nanoseconds."""
        self._way.event(EventFacts(name, trace, span, time_ns, attributes))

    @safely
    def flush(self, timeout_s: float) -> None:
        """Make everything leave the process, or give up after the time."""
        deadline = time.monotonic() + timeout_s
        self._jobs.flush(timeout_s)
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
