"""Agents traces that start outside of Temporal, in a client say: each is a tree, or hangs in one that is there.

with trace("Ask"):                    a root span "Ask"
    await client.start_workflow(...)      start_workflow, and below it the run
"""

import threading
import time
from dataclasses import dataclass
from typing import Any

from agents.tracing import Span, Trace, get_current_span, get_current_trace
from opentelemetry import trace as otel

from durascope import conventions as c
from durascope._agents_spans import anchor
from durascope._pipeline import Pipeline
from durascope._run import keep
from durascope._spans import SpanFacts
from durascope.identity import RemoteContext, agents_span_id

_MOST = 10_000  # traces that were begun and never ended: a program's mistake must not become a leak of ours


@dataclass(frozen=True, slots=True)
class OpenTrace:
    """An Agents trace that has begun in this process."""

    pipeline: Pipeline
    trace: int
    root: int
    parent: int
    sampled: bool
    start: int


class Outside:
    """The open traces; ``pipeline`` is that of the plugin made last, None until there is one."""

    def __init__(self) -> None:
        self.pipeline: Pipeline | None = None
        self._open: dict[str, OpenTrace] = {}
        self._lock = threading.Lock()

    def begin(self, trace: Trace) -> None:
        """An Agents trace starts."""
        pipeline = self.pipeline
        if pipeline is None:
            return
        context = otel.get_current_span().get_span_context()
        root = agents_span_id(trace.trace_id)
        if context.is_valid:
            sampled, parent = context.trace_flags.sampled, context.span_id
            found = OpenTrace(pipeline, context.trace_id, root, parent, sampled, time.time_ns())
        else:
            number = _number(trace.trace_id)
            sampled = keep(pipeline.sampler, number, None, trace.name)
            found = OpenTrace(pipeline, number, root, 0, sampled, time.time_ns())
        with self._lock:
            if len(self._open) >= _MOST:
                self._open.pop(next(iter(self._open)))
            self._open[trace.trace_id] = found

    def end(self, trace: Trace) -> None:
        """It ends: its root span."""
        with self._lock:
            found = self._open.pop(trace.trace_id, None)
        if found is None:
            return
        attributes: dict[str, Any] = {c.KIND: c.SPAN_CLIENT, c.AGENTS_TRACE_ID: trace.trace_id}
        group = getattr(trace, "group_id", None)
        attributes |= {c.GEN_AI_CONVERSATION_ID: group} if group else {}
        found.pipeline.span(
            SpanFacts(
                trace.name, found.trace, found.root, found.parent, found.start, time.time_ns(), attributes,
                sampled=found.sampled,
            )
        )  # fmt: skip

    def of(self, span: Span[Any]) -> OpenTrace | None:
        """The open trace that a span belongs to."""
        return self._open.get(span.trace_id)

    def here(self) -> RemoteContext | None:
        """The context under which a call made now belongs: the Agents span, else OpenTelemetry's current one."""
        trace, span = get_current_trace(), get_current_span()
        found = self._open.get(trace.trace_id) if trace else None
        if found is not None:
            agents_id = anchor(span)
            parent = agents_span_id(agents_id) if agents_id else found.root
            return RemoteContext(found.trace, parent, found.sampled)
        context = otel.get_current_span().get_span_context()
        return (
            RemoteContext(context.trace_id, context.span_id, context.trace_flags.sampled) if context.is_valid else None
        )


def _number(agents_trace: str) -> int:
    # The SDK's ids are "trace_" and 32 hexadecimal digits, which is a W3C trace id already.
    try:
        return int(agents_trace.removeprefix("trace_")[:32], 16) or agents_span_id(agents_trace)
    except ValueError:
        return agents_span_id(agents_trace)
