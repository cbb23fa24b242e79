"""Where spans, log events and measurements leave Durascope for OpenTelemetry; nothing here blocks its caller."""

import atexit
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from opentelemetry.metrics import MeterProvider

from durascope._buffer import Answer, Buffer, flush_together, keep_company
from durascope._content import Content
from durascope._metrics import Metrics
from durascope._safely import count_failure, safely
from durascope._spans import Attributes, EventFacts, SpanFacts
from durascope._ways import Job, Way, call_all

Clock = Callable[[], int]
"""Tells Unix nanoseconds."""
SETTLE_S = 1.0
"""A collection of metrics waits no longer than this for those that are on their way."""
LAST_S = 1.0
"""At the end of the process a collector that did not take all a moment ago is asked once more, for so long."""


class Pipeline:
    """One plugin's way out, and its metrics.

    Whatever need not be done at once is done on a thread of its own, with others of its kind and before they are sent:
    one at a time, between other work, each costs the workflow's and the activities' threads several times as much.
    ``own_meters`` makes a meter provider when the pipeline starts: one that is never used tells nothing.
    """

    def __init__(
        self,
        way: Way,
        meter_provider: MeterProvider | None = None,
        *,
        own_meters: Callable[[], Any] | None = None,
        content: Content | None = None,
        size: int,
        flush_s: float = 5.0,
        clock: Clock = time.time_ns,
    ) -> None:
        self._way = way
        self._own_meters = own_meters
        self._meters: Any = meter_provider
        self._flush_s = flush_s
        self._jobs: Buffer[Job] = Buffer(self._do, size=size, name="jobs")
        keep_company(self._jobs, *way.companions())
        self.sampler = way.sampler
        self.content = content or Content()
        self.clock = clock
        self._metrics: Metrics | None = None
        self._starting = threading.Lock()
        self._behind = False  # the last flush could not send all
        self._closed = False

    @safely
    def start(self) -> None:
        """Make the metrics and the threads, and have what is left at the end of the process sent then."""
        with self._starting:
            if self._metrics is not None or self._closed:
                return
            if self._own_meters is not None:
                self._meters = self._own_meters()
            self._metrics = Metrics(self._meters, self.losses, lambda: self._jobs.flush(SETTLE_S))
        for each in (self._jobs, *self._way.buffers()):
            each.start()
        # Not threading's own hook, which comes before the last threads of the program have ended.
        atexit.register(self.close)

    @property
    def metrics(self) -> Metrics:
        """The instruments, for a job of :meth:`later`."""
        if self._metrics is None:
            self.start()
        return self._metrics or Metrics(None, self.losses, bool)

    def dropped(self) -> int:
        """Spans and events lost so far."""
        return sum(each.dropped for each in (self._jobs, *self._way.buffers()))

    def losses(self) -> dict[str, int]:
        """The same by reason."""
        refused = sum(each.refused for each in self._way.buffers())
        return {"buffer": self.dropped() - refused, "refused": refused}

    def later(self, *jobs: Job) -> None:
        """Do them soon, in order, on another thread. What they read must not change any more."""
        self._jobs.put(*jobs)

    def _do(self, jobs: Sequence[Job]) -> Answer:
        return call_all([*jobs, self.metrics.record])

    @safely
    def span(self, facts: SpanFacts) -> None:
        """Pass on a finished span, if its run is sampled, and count it in the metrics."""
        self.later(partial(self.pass_on, facts))

    def pass_on(self, facts: SpanFacts) -> None:
        """The same in a job of :meth:`later`."""
        self.metrics.span(facts)
        if facts.sampled:
            self._way.span(facts if facts.error is None else self.content.failed(facts))

    @safely
    def event(self, name: str, trace: int, span: int, time_ns: int, attributes: Attributes) -> None:
        """Pass on a log event that belongs to a span, in a job of :meth:`later`. Unix nanoseconds."""
        self._way.event(EventFacts(name, trace, span, time_ns, attributes))

    @safely
    def flush(self, timeout_s: float) -> None:
        """Make everything leave the process, or give up after the time."""
        deadline = time.monotonic() + timeout_s
        self._jobs.flush(timeout_s)
        own = [self._meters] if self._own_meters is not None and self._meters is not None else []
        flushing = _start_flushing(own, deadline)  # beside the spans, not after them: the collector may be away
        self._behind = not flush_together(self._way.buffers(), deadline)
        given = [self._meters] if self._own_meters is None and self._meters is not None else []
        for thread in (*flushing, *_start_flushing([*self._way.providers(), *given], deadline)):
            thread.join(max(deadline - time.monotonic(), 0.0))

    @safely
    def close(self, timeout_s: float | None = None) -> None:
        """Send what is left within the time, or the plugin's own, and end threads and connections for good.

        Providers that the program gave are its own to flush and to shut down.
        """
        with self._starting:
            if self._closed:
                return
            self._closed = True
        atexit.unregister(self.close)
        own_s = min(self._flush_s, LAST_S) if self._behind else self._flush_s
        deadline = time.monotonic() + (own_s if timeout_s is None else timeout_s)
        # All by threads that there are: a process that exits can start none.
        self._jobs.flush(deadline - time.monotonic())
        flush_together(self._way.buffers(), deadline)
        if self._own_meters is not None and self._meters is not None:
            _shut(self._meters, max(deadline - time.monotonic(), LAST_S))  # they may have another collector
        for each in (self._jobs, *self._way.buffers()):
            each.close(max(deadline - time.monotonic(), 0.0))
        self._way.close()


def _shut(meters: Any, timeout_s: float) -> None:
    try:
        meters.shutdown(timeout_millis=timeout_s * 1000)
    except Exception as error:
        count_failure("shutdown of the metrics", error)


def _start_flushing(providers: Iterable[Any], deadline: float) -> list[threading.Thread]:
    """Flush each on a thread of its own: exporters retry for longer than they are told to."""
    threads = [
        threading.Thread(target=_flush, args=(each, deadline), name="durascope-flush", daemon=True)
        for each in providers
        if hasattr(each, "force_flush")
    ]
    for thread in threads:
        thread.start()
    return threads


def _flush(provider: Any, deadline: float) -> None:
    try:
        provider.force_flush(int(max(deadline - time.monotonic(), 0.0) * 1000))
    except Exception as error:  # a provider that is shut down already, say
        count_failure("flush", error)
