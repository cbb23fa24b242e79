"""The two ways out: OTLP of our own by the standard ``OTEL_*`` variables, or providers that the program gives."""

import itertools
import logging
import os
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler
from opentelemetry.trace import NoOpTracerProvider

from durascope import _otlp, _wire
from durascope._buffer import TAKEN, Answer, Buffer
from durascope._safely import count_failure
from durascope._spans import INSTRUMENTATION, EventFacts, SpanFacts, log_record, readable
from durascope.exceptions import ConfigurationError

BUFFERED = 20_000  # items; some 40 MB of spans at the very most

OWN_GAP_S = 1.0  # by themselves; the pipeline's jobs, which fill them, take them along at once

Job = Callable[[], None]
logger = logging.getLogger("durascope")
_numbers = itertools.count(1)


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
    def buffers(self) -> list[Buffer[Any]]:
        """Those that hold what was taken."""

    def companions(self) -> list[Buffer[Any]]:
        """Those in front of an exporter of ours."""
        return []

    def providers(self) -> list[Any]:
        """The program's own, which have to be flushed after the buffers."""
        return []

    @abstractmethod
    def close(self) -> None:
        """End connections of its own, after the buffers."""


class OwnWay(Way):
    """Within a second by OTLP, and kept while the collector is away. ``size`` bounds what is kept, of each signal."""

    def __init__(self, size: int) -> None:
        # Only for the sampler and the resource that the variables name: no span is made by it, so none has limits.
        provider = TracerProvider(span_limits=_NO_LIMITS, shutdown_on_exit=False)
        self.sampler = provider.sampler
        self.resource = _with_instance(provider.resource)
        self._senders: list[_otlp.Sender] = []
        self._spans: Buffer[SpanFacts] | None = self._buffer("TRACES", _wire.span_request, size)
        self._events: Buffer[EventFacts] | None = self._buffer("LOGS", _wire.event_request, size)

    def _buffer(self, signal: str, encode: Callable[[Sequence[Any], Resource], bytes], size: int) -> Buffer[Any] | None:
        if switched_off(signal):
            return None
        sender = own_sender(signal, lambda items: encode(items, self.resource))
        if sender is None:
            return None
        self._senders.append(sender)
        return Buffer(sender, size=size, name=signal.lower(), gap_s=OWN_GAP_S, weigh=_wire.weight)

    def span(self, facts: SpanFacts) -> None:
        """See base class."""
        if self._spans is not None:
            self._spans.put(facts)

    def event(self, facts: EventFacts) -> None:
        """See base class."""
        if self._events is not None:
            self._events.put(facts)

    def buffers(self) -> list[Buffer[Any]]:
        """See base class."""
        return [each for each in (self._spans, self._events) if each is not None]

    def companions(self) -> list[Buffer[Any]]:
        """See base class."""
        return self.buffers()

    def close(self) -> None:
        """See base class."""
        for each in self._senders:
            each.close()


class GivenWay(Way):
    """Through the program's own providers, whose processors are called from a thread of ours.

    A processor that opens a file or a socket on the workflow thread would block it, or meet the sandbox.
    Raises ConfigurationError for a tracer provider that is not the SDK's: finished spans could not be handed to it.
    """

    def __init__(self, tracer_provider: Any | None, logger_provider: Any | None, size: int) -> None:
        # temporalio's ReplaySafeTracerProvider holds the SDK's provider, whose processors are what spans are handed to.
        provider = getattr(tracer_provider, "_tracer_provider", tracer_provider)
        if disabled():  # as the SDK's own tracers and loggers do
            provider = logger_provider = None
        self._processor = getattr(provider, "_active_span_processor", None)
        if self._processor is None and not isinstance(provider, (NoOpTracerProvider, type(None))):
            raise ConfigurationError(
                f"tracer_provider is a {type(provider).__name__}, which takes no finished spans; give one of the "
                "OpenTelemetry SDK's (opentelemetry.sdk.trace.TracerProvider), made before the plugin is"
            )
        self.sampler = getattr(provider, "sampler", ALWAYS_ON)
        self._resource: Resource = getattr(provider, "resource", None) or Resource.create({})
        self._providers = [found for found in (provider, logger_provider) if hasattr(found, "force_flush")]
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

    def buffers(self) -> list[Buffer[Any]]:
        """See base class."""
        return [self._handoff]

    def providers(self) -> list[Any]:
        """See base class."""
        return self._providers

    def close(self) -> None:
        """See base class. There are none."""


def call_all(calls: Sequence[Job]) -> Answer:
    """Call each; what one raises is counted."""
    for call in calls:
        try:
            call()
        except Exception as error:
            count_failure("a job, or a span processor", error)
    return TAKEN


def disabled() -> bool:
    """Whether the environment switches OpenTelemetry off as a whole."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def switched_off(signal: str) -> bool:
    """Whether the environment wants nothing of this signal."""
    return disabled() or os.environ.get(f"OTEL_{signal}_EXPORTER", "").strip().lower() == "none"


def own_sender(signal: str, encode: _otlp.Encode) -> _otlp.Sender | None:
    """What sends a signal by the variables; None, with a warning, if they make that impossible."""
    try:
        return _otlp.sender(signal, encode)
    except Exception as error:  # of a credential provider, say
        logger.warning("no %s are sent, since what the OTEL_EXPORTER_OTLP variables say fails: %s", signal, error)
        return None


def _with_instance(resource: Resource) -> Resource:
    """The resource with a service.instance.id that no other plugin has, in this process or another.

    Two that export the same metrics under one identity would be one series that jumps between both. Older SDKs give no
    id, and newer ones one a process.
    """
    found, number = resource.attributes.get(SERVICE_INSTANCE_ID), next(_numbers)
    own = str(uuid.uuid4()) if not found else str(found) if number == 1 else f"{found}-{number}"
    return resource.merge(Resource({SERVICE_INSTANCE_ID: own}))


_NO_LIMITS = SpanLimits(*[SpanLimits.UNSET] * 8)
