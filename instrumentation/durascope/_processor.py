"""The Agents SDK's spans as OpenTelemetry spans, under the run or the attempt that they happened in.

Ours replace the integration's own `temporal:*` spans, so those are dropped and their children re-parented. Span starts
are not seen while a workflow replays: in a workflow nothing may depend on having seen one.
"""

from functools import partial
from typing import Any

from agents import TracingProcessor
from agents.tracing import Span, Trace, get_current_trace
from opentelemetry.util.types import AttributeValue
from temporalio import workflow

from durascope import conventions as c
from durascope._agents_spans import is_replaced
from durascope._attributes import Description, describe, nanoseconds
from durascope._live import live
from durascope._outside import OpenTrace, Outside
from durascope._run import AttemptState, RunState, current_attempt, current_run
from durascope._safely import safely
from durascope._spans import SpanFacts
from durascope._tokens import token_attributes, tokens_of
from durascope.identity import RunKey, agents_span_id

Place = RunState | AttemptState | OpenTrace
"""Where a span happened."""


class AgentsProcessor(TracingProcessor):
    """One a process, whatever the number of plugins: each span goes to the pipeline of its run or attempt."""

    def __init__(self) -> None:
        self.outside = Outside()

    @safely
    def on_trace_start(self, trace: Trace) -> None:
        """A trace that starts outside of Temporal is a tree of its own."""
        if current_run.get() is None and current_attempt.get() is None and not workflow.in_workflow():
            self.outside.begin(trace)

    @safely
    def on_trace_end(self, trace: Trace) -> None:
        """See above."""
        self.outside.end(trace)

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
        attempt, run = current_attempt.get(), current_run.get()
        if attempt is not None:
            _in_attempt(span, attempt)
        elif run is not None:
            _in_run(span, run)
        elif not workflow.in_workflow():
            _in_trace(span, self.outside.of(span))

    def shutdown(self) -> None:
        """Nothing: the plugins own their pipelines."""

    def force_flush(self) -> None:
        """Nothing: see above."""


def _in_run(span: Span[Any], run: RunState) -> None:
    if not live():
        return
    run.conversation = getattr(get_current_trace(), "group_id", None) or run.conversation
    run.held.put(partial(_tell_run, span, run, run.parent(span.parent_id), run.conversation, _content(span, run)))


@safely
def _tell_run(span: Span[Any], run: RunState, parent: int, conversation: str | None, said: dict[str, str]) -> None:
    content = run.pipeline.content.leaving(said)
    what = describe(span.span_data)
    what.attributes.update({c.GEN_AI_CONVERSATION_ID: conversation} if conversation else {})
    facts = span_facts(span, what, run, parent, content)
    if facts is not None:
        run.pass_on(facts)
        _tell_content(facts, run, content)


def _in_attempt(span: Span[Any], attempt: AttemptState) -> None:
    attempt.pipeline.later(partial(_tell_attempt, span, attempt, _content(span, attempt)))


@safely
def _tell_attempt(span: Span[Any], attempt: AttemptState, said: dict[str, str]) -> None:
    content = attempt.pipeline.content.leaving(said)
    what = describe(span.span_data)
    if what.attributes[c.KIND] == c.SPAN_MODEL:
        what = _learn(span.span_data, what, attempt)
    own = span.parent_id is not None and span.parent_id in attempt.seen
    parent = agents_span_id(span.parent_id, attempt.key.run) if own and span.parent_id else attempt.span
    facts = span_facts(span, what, attempt, parent, content)
    if facts is not None:
        attempt.pipeline.pass_on(facts)
        _tell_content(facts, attempt, content)


def _in_trace(span: Span[Any], found: OpenTrace | None) -> None:
    if found is not None:
        found.pipeline.later(partial(_tell_trace, span, found, _content(span, found)))


@safely
def _tell_trace(span: Span[Any], found: OpenTrace, said: dict[str, str]) -> None:
    content = found.pipeline.content.leaving(said)
    parent = agents_span_id(span.parent_id) if span.parent_id else found.root
    facts = span_facts(span, describe(span.span_data), found, parent, content)
    if facts is not None:
        found.pipeline.pass_on(facts)
        _tell_content(facts, found, content)


def _learn(data: Any, what: Description, attempt: AttemptState) -> Description:
    """What the model span says without what the attempt's tells, and only it, so that no reader counts a call twice.

    That is the usage; and of a model activity, which is one call, that it is one.
    """
    usage = tokens_of(data.usage or getattr(getattr(data, "response", None), "usage", None))
    attempt.calls.append(usage)
    for name in token_attributes(usage):
        what.attributes.pop(name, None)
    said = what.attributes.get
    attempt.model = attempt.model or _text(said(c.GEN_AI_REQUEST_MODEL))
    attempt.response_model = _text(said(c.GEN_AI_RESPONSE_MODEL)) or attempt.response_model
    attempt.response_id = _text(said(c.GEN_AI_RESPONSE_ID)) or attempt.response_id
    attempt.provider = _text(said(c.GEN_AI_PROVIDER)) or attempt.provider
    if not attempt.is_model:
        return what
    rest = {name: value for name, value in what.attributes.items() if name != c.GEN_AI_OPERATION}
    asked = {c.GEN_AI_REQUEST_MODEL: attempt.model} if attempt.model else {}
    return Description(f"chat {attempt.model}" if attempt.model else what.name, {**rest, **asked})


def _text(value: AttributeValue | None) -> str | None:
    return value if isinstance(value, str) else None


def span_facts(
    span: Span[Any], what: Description, state: Place, parent: int, content: dict[str, AttributeValue]
) -> SpanFacts | None:
    """An Agents span as a finished span; None if it was never begun."""
    start, end = nanoseconds(span.started_at), nanoseconds(span.ended_at)
    if start is None or end is None:
        return None
    attributes: dict[str, AttributeValue] = {**_identity(state), **what.attributes}
    attributes |= {c.AGENTS_SPAN_ID: span.span_id, c.AGENTS_TRACE_ID: span.trace_id}
    attributes |= content if state.pipeline.content.on_spans else {}
    if span.error is not None:
        attributes[c.ERROR_TYPE] = c.ERROR_TYPE_OTHER
    return SpanFacts(
        what.name,
        state.trace,
        agents_span_id(span.span_id, _run_key(state)),
        parent,
        start,
        end,
        attributes,
        what.kind,
        span.error["message"] if span.error is not None else None,
        sampled=state.sampled,
    )


def _run_key(state: Place) -> RunKey | None:
    if isinstance(state, OpenTrace):
        return None
    return state.key if isinstance(state, RunState) else state.key.run


def _identity(state: Place) -> dict[str, AttributeValue]:
    if not isinstance(state, AttemptState):
        return {}  # a run's is added when it is emitted
    names = (c.NAMESPACE, c.WORKFLOW_ID, c.RUN_ID, c.WORKFLOW_TYPE, c.ACTIVITY_ID, c.ACTIVITY_TYPE, c.GEN_AI_AGENT_NAME)
    return {name: state.attributes[name] for name in names if name in state.attributes}


def _content(span: Span[Any], state: Place) -> dict[str, str]:
    # At once: the program may go on to change what its span holds.
    return state.pipeline.content.of(span.span_data) if state.sampled else {}


def _tell_content(facts: SpanFacts, state: Place, content: dict[str, AttributeValue]) -> None:
    if content and state.pipeline.content.on_events:
        attributes = {**facts.attributes, **content}
        state.pipeline.event(c.EVENT_CONTENT, facts.trace, facts.span, facts.end, attributes)
