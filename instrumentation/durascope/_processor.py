"""The Agents SDK's spans as OpenTelemetry spans, under the run or the attempt that they happened in.

Ours replace the integration's own `temporal:*` spans, so those are dropped and their children re-parented. Span starts
are not seen while a workflow replays: nothing here may depend on having seen one.
"""

from typing import Any

from agents import TracingProcessor
from agents.tracing import Span, Trace
from opentelemetry.util.types import AttributeValue
from temporalio import workflow

from durascope import conventions as c
from durascope._attributes import Description, describe, nanoseconds
from durascope._pipeline import Pipeline
from durascope._run import AttemptState, RunState, current_attempt, current_run, parent_span
from durascope._safely import safely
from durascope._spans import SpanFacts
from durascope._tokens import tokens_of
from durascope.identity import agents_span_id

REPLACED = "temporal:"


def is_replaced(span: Span[Any]) -> bool:
    """Whether a span of ours stands for this one (or it is the integration's stand-in for a remote parent)."""
    data = span.span_data
    return data.type == "custom" and (data.name.startswith(REPLACED) or not data.name)


class AgentsProcessor(TracingProcessor):
    """Registered with the Agents SDK while a worker with the plugin runs."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def on_trace_start(self, trace: Trace) -> None:
        """Nothing: the run span is the root."""

    def on_trace_end(self, trace: Trace) -> None:
        """Nothing: see above."""

    @safely
    def on_span_start(self, span: Span[Any]) -> None:
        """Remember which spans of an attempt are its own."""
        attempt = current_attempt.get()
        if attempt is not None and not is_replaced(span):
            attempt.seen.add(span.span_id)

    @safely
    def on_span_end(self, span: Span[Any]) -> None:
        """Emit the span once, where it belongs."""
        if is_replaced(span):
            return
        attempt = current_attempt.get()
        if attempt is not None:
            self._in_attempt(span, attempt)
            return
        run = current_run.get()
        if run is not None and not workflow.unsafe.is_replaying_history_events():
            parent = parent_span(run, span.parent_id)
            self._emit(span, describe(span.span_data), run, run.trace, parent)

    def _in_attempt(self, span: Span[Any], attempt: AttemptState) -> None:
        data = span.span_data
        if data.type in ("generation", "response"):
            response = getattr(data, "response", None)
            attempt.tokens = tokens_of(data.usage or getattr(response, "usage", None)) or attempt.tokens
            attempt.model = attempt.model or getattr(data, "model", None)
            attempt.response_model = getattr(response, "model", None) or attempt.response_model
            attempt.response_id = getattr(response, "id", None) or attempt.response_id
        own = span.parent_id is not None and span.parent_id in attempt.seen
        parent = agents_span_id(span.parent_id) if own and span.parent_id else attempt.span
        self._emit(span, describe(data), attempt, attempt.trace, parent)

    def _emit(
        self, span: Span[Any], what: Description, state: RunState | AttemptState, trace: int, parent: int
    ) -> None:
        start, end = nanoseconds(span.started_at), nanoseconds(span.ended_at)
        if not state.sampled or start is None or end is None:
            return
        attributes: dict[str, AttributeValue] = {**state.attributes, **what.attributes}
        attributes |= {c.AGENTS_SPAN_ID: span.span_id, c.AGENTS_TRACE_ID: span.trace_id}
        error = span.error["message"] if span.error else None
        facts = SpanFacts(
            what.name, trace, agents_span_id(span.span_id), parent, start, end, attributes, what.kind, error
        )
        self._pipeline.span(facts)

    def shutdown(self) -> None:
        """Nothing: the plugin owns the pipeline."""

    def force_flush(self) -> None:
        """Hand on what is queued."""
        self._pipeline.flush()
