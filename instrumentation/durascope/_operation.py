"""What a workflow has begun and waits for: an activity with all its attempts, a child, a Nexus operation."""

import asyncio
from dataclasses import dataclass
from typing import Any

from agents.tracing import Span, get_current_span, get_current_trace
from opentelemetry.util.types import AttributeValue
from temporalio import workflow

from durascope import conventions as c
from durascope._agents_spans import anchor
from durascope._attributes import clean, nanoseconds
from durascope._live import live
from durascope._outcome import in_workflow
from durascope._run import RunState
from durascope._safely import safely
from durascope._spans import SpanFacts
from durascope.identity import operation_span_id
from durascope.records import Status


@dataclass(frozen=True, slots=True)
class Caller:
    """Who begins an operation: the Agents span that is current, as an OTel span id, and the agent if that is known."""

    parent: int
    agent: str | None
    in_tool: bool


def caller(run: RunState) -> Caller:
    """Read the Agents SDK's context. Turn and agent spans name the agent; a function span names only its parent."""
    run.conversation = getattr(get_current_trace(), "group_id", None) or run.conversation
    span = get_current_span()
    if span is None:
        return Caller(run.root, None, False)
    parent = run.parent(anchor(span, run.splice))
    return Caller(parent, _agent(run, span), span.span_data.type == "function")


def _agent(run: RunState, span: Span[Any]) -> str | None:
    data = span.span_data
    name = getattr(data, "agent_name", None) or (data.name if data.type == "agent" else None)
    if name:
        run.agents[span.span_id] = str(name)
        return str(name)
    # A tool call hangs below the turn whose model call came before it, and recorded the name.
    return run.agents.get(span.parent_id or "")


@dataclass(slots=True)
class Operation:
    """``start`` is Unix nanoseconds of workflow time: that of the workflow task that began it.

    ``id`` is the operation id; an activity's is known only when it has been scheduled.
    """

    run: RunState
    name: str
    parent: int
    start: int
    attributes: dict[str, AttributeValue]
    id: str = ""

    @property
    def span(self) -> int:
        """The id of its span."""
        return operation_span_id(self.run.key, self.id)

    def watch(self, future: Any) -> None:
        """Emit the span when the future is done."""
        future.add_done_callback(self._done)

    @safely
    def _done(self, future: Any) -> None:
        self.ended(asyncio.CancelledError() if future.cancelled() else future.exception())

    @safely
    def ended(self, error: BaseException | None) -> None:
        """Emit the span, unless this is a replay."""
        if not live():
            return
        status, kind, cause = in_workflow(error)
        message = str(cause) if cause else None
        failed = status is not Status.OK
        ending = {c.OUTCOME: status.value, c.ERROR_TYPE: kind, c.ERROR_MESSAGE: message}
        self.run.emit(
            SpanFacts(
                self.name, self.run.trace, self.span, self.parent, self.start,
                nanoseconds(workflow.now()) or self.start, {**self.attributes, **clean(ending)},
                error=(message or status.value) if failed else None, ok=not failed,
            )
        )  # fmt: skip
