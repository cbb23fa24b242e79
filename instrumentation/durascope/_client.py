"""Client calls: they carry the caller's trace into the run, and stand in that trace as spans.

A call made outside of any trace is left alone: its run starts its own.
"""

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from opentelemetry.trace import SpanKind
from temporalio import client, workflow

from durascope import _headers as headers
from durascope import conventions as c
from durascope._attributes import clean
from durascope._outcome import error_type
from durascope._pipeline import Pipeline
from durascope._registry import processor
from durascope._safely import safely
from durascope._spans import SpanFacts
from durascope.identity import RemoteContext, traceparent

T = TypeVar("T")


class ClientInterceptor(client.Interceptor):
    """What a client needs of us."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def intercept_client(self, next: client.OutboundInterceptor) -> client.OutboundInterceptor:
        """See base class."""
        return ClientOutbound(next, self._pipeline)


class ClientOutbound(client.OutboundInterceptor):
    """Wraps the calls that reach a workflow's code."""

    def __init__(self, next: client.OutboundInterceptor, pipeline: Pipeline) -> None:
        super().__init__(next)
        self._pipeline = pipeline

    async def start_workflow(self, input: client.StartWorkflowInput) -> client.WorkflowHandle[Any, Any]:
        """See base class."""
        verb = "signal_with_start" if input.start_signal else "start_workflow"
        return await self._call(verb, input.workflow, input.id, [input], lambda: self.next.start_workflow(input))

    async def signal_workflow(self, input: client.SignalWorkflowInput) -> None:
        """See base class."""
        await self._call("signal_workflow", input.signal, input.id, [input], lambda: self.next.signal_workflow(input))

    async def query_workflow(self, input: client.QueryWorkflowInput) -> Any:
        """See base class."""
        return await self._call(
            "query_workflow", input.query, input.id, [input], lambda: self.next.query_workflow(input)
        )

    async def start_workflow_update(self, input: client.StartWorkflowUpdateInput) -> client.WorkflowUpdateHandle[Any]:
        """See base class."""
        return await self._call(
            "update_workflow", input.update, input.id, [input], lambda: self.next.start_workflow_update(input)
        )

    async def start_update_with_start_workflow(
        self, input: client.StartWorkflowUpdateWithStartInput
    ) -> client.WorkflowUpdateHandle[Any]:
        """See base class."""
        start, update = input.start_workflow_input, input.update_workflow_input
        return await self._call(
            "update_with_start", update.update, start.id, [start, update],
            lambda: self.next.start_update_with_start_workflow(input),
        )  # fmt: skip

    async def _call(
        self, verb: str, what: str, workflow_id: str, inputs: list[Any], call: Callable[[], Awaitable[T]]
    ) -> T:
        facts = None if what.startswith(c.INTERNAL_HANDLERS) else self._begin(f"{verb} {what}", workflow_id, inputs)
        try:
            result = await call()
        except BaseException as error:
            self._end(facts, error)
            raise
        self._end(facts, None)
        return result

    @safely
    def _begin(self, name: str, workflow_id: str, inputs: list[Any]) -> SpanFacts | None:
        here: RemoteContext | None = None if workflow.in_workflow() else processor.outside.here()
        if here is None:
            return None
        span = secrets.randbits(64) or 1
        for each in inputs:
            each.headers = headers.with_traceparent(
                each.headers, traceparent(here.trace_id, span, sampled=here.sampled)
            )
        attributes = clean({c.KIND: c.SPAN_CLIENT, c.WORKFLOW_ID: workflow_id})
        now = time.time_ns()
        return SpanFacts(
            name, here.trace_id, span, here.span_id, now, now, attributes, SpanKind.CLIENT, sampled=here.sampled
        )

    @safely
    def _end(self, begun: SpanFacts | None, error: BaseException | None) -> None:
        if begun is None:
            return
        message = str(error) if error else None
        attributes = clean({**begun.attributes, c.ERROR_TYPE: error_type(error) if error else None})
        self._pipeline.span(
            SpanFacts(
                begun.name, begun.trace, begun.span, begun.parent, begun.start, time.time_ns(), attributes, begun.kind,
                message, ok=error is None, sampled=begun.sampled,
            )
        )  # fmt: skip
