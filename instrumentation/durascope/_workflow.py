"""The workflow side, inbound: the run span, and spans for the signals, updates and queries that a run handles.

Runs in the workflow sandbox, on the workflow thread: no I/O, no randomness, no waiting.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from agents.tracing import get_current_span
from opentelemetry.util.types import AttributeValue
from temporalio import workflow
from temporalio.exceptions import is_cancelled_exception
from temporalio.worker import (
    ExecuteWorkflowInput,
    HandleQueryInput,
    HandleSignalInput,
    HandleUpdateInput,
    WorkflowInboundInterceptor,
    WorkflowOutboundInterceptor,
)

from durascope import _headers as headers
from durascope import conventions as c
from durascope._attributes import clean, nanoseconds
from durascope._held import Held
from durascope._live import live
from durascope._outbound import WorkflowOutbound
from durascope._outcome import cause_of, error_type
from durascope._pipeline import Pipeline
from durascope._run import RunState, current_run, keep
from durascope._safely import safely
from durascope._spans import SpanFacts
from durascope._worker import WorkerIdentity
from durascope.identity import RunKey, operation_span_id, parse_traceparent, run_span_id, trace_id
from durascope.records import RunStatus


def begin_run(pipeline: Pipeline, held: Held) -> RunState:
    """The state of the run that this code runs in; the same on every worker and on replay."""
    info = workflow.info()
    key = RunKey(info.namespace, info.workflow_id, info.run_id)
    # A continued run has a trace of its own: a year-old entity must not become one unbounded trace.
    ours = headers.read(info.headers, c.HEADER_DURASCOPE)
    tracer = headers.read(info.headers, c.HEADER_TRACER)
    incoming = None if info.continued_run_id else headers.origin(ours, tracer)
    trace = incoming.trace_id if incoming else trace_id(key)
    sampled = keep(pipeline.sampler, trace, incoming, f"invoke_workflow {info.workflow_type}")
    previous = parse_traceparent(ours.get("continues"))
    attributes: dict[str, AttributeValue] = {
        c.NAMESPACE: info.namespace,
        c.WORKFLOW_ID: info.workflow_id,
        c.RUN_ID: info.run_id,
        c.WORKFLOW_TYPE: info.workflow_type,
    }
    return RunState(pipeline, key, trace, sampled, run_span_id(key), incoming, previous, attributes, held)


class WorkflowInbound(WorkflowInboundInterceptor):
    """Next to the workflow, inside of every other interceptor: see ``DurascopeInterceptor``."""

    def __init__(self, next: WorkflowInboundInterceptor, pipeline: Pipeline, worker: WorkerIdentity) -> None:
        super().__init__(next)
        self._pipeline = pipeline
        self._worker = worker
        self._held = Held(pipeline.later)
        self._run: RunState | None = None

    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        """Put our outbound interceptor in. What is inside of ours belongs to the SDK's instance of the run."""
        self._held.watch(getattr(self.next, "_instance", None))
        self.next.init(WorkflowOutbound(outbound, self))

    @safely
    def run(self) -> RunState:
        """The run's state, made at first need."""
        if self._run is None:
            self._run = begin_run(self._pipeline, self._held)
        return self._run

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        """Run the workflow; at its end, if this is not a replay, emit the run span."""
        self._enter(None)
        try:
            result = await self.next.execute_workflow(input)
        except BaseException as error:
            self._ended(error)
            raise
        self._ended(None)
        return result

    async def handle_signal(self, input: HandleSignalInput) -> None:
        """See base class."""
        await self._handle(c.SPAN_SIGNAL, input.signal, None, input, self.next.handle_signal)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:
        """See base class."""
        return await self._handle(c.SPAN_UPDATE, input.update, input.id, input, self.next.handle_update_handler)

    async def handle_query(self, input: HandleQueryInput) -> Any:
        """See base class."""
        return await self._handle(c.SPAN_QUERY, input.query, input.id, input, self.next.handle_query)

    async def _handle(
        self, kind: str, name: str, own_id: str | None, input: Any, next: Callable[[Any], Awaitable[Any]]
    ) -> Any:
        handler = self._begin_handler(kind, name, own_id, input)
        try:
            result = await next(input)
        except BaseException as error:
            self._end_handler(handler, error)
            raise
        self._end_handler(handler, None)
        return result

    @safely
    def _enter(self, stands_for: int | None) -> None:
        """Make the run current; whatever Agents span is current here is one that ours replaces."""
        run = self.run()
        current_run.set(run)
        ambient = get_current_span()
        if run is not None and ambient is not None:
            run.splice[ambient.span_id] = stands_for or run.root

    @safely
    def _begin_handler(self, kind: str, name: str, own_id: str | None, input: Any) -> SpanFacts | None:
        run = self.run()
        if run is None or name.startswith(c.INTERNAL_HANDLERS):
            return None
        now = _now(kind)
        if kind == c.SPAN_SIGNAL:
            own_id = str(run.nth(kind))
        if kind == c.SPAN_QUERY:
            own_id = f"{own_id}:{now}"  # Temporal's id tells queries of one workflow task apart, not those of a run
        span = operation_span_id(run.key, f"handled-{kind}:{name}:{own_id}")
        self._enter(span)
        sender = headers.remote_context(input.headers)
        links = ((sender.trace_id, sender.span_id),) if sender else ()
        return SpanFacts(f"{kind} {name}", run.trace, span, run.root, now, now, {c.KIND: kind}, links=links)

    @safely
    def _end_handler(self, begun: SpanFacts | None, error: BaseException | None) -> None:
        run = self._run
        if begun is None or run is None:
            return
        kind, ambient = str(begun.attributes[c.KIND]), get_current_span()
        if kind == c.SPAN_QUERY and ambient is not None:
            run.splice.pop(ambient.span_id, None)  # nothing of it goes on, and any number may come
        if not live() or _goes_on(error):
            return
        attributes = clean({**begun.attributes, c.ERROR_TYPE: error_type(cause_of(error)) if error else None})
        message = str(error) if error else None
        run.emit(
            SpanFacts(
                begun.name, run.trace, begun.span, begun.parent, begun.start, _now(kind), attributes,
                error=message, links=begun.links, ok=error is None,
            )
        )  # fmt: skip

    @safely
    def _ended(self, error: BaseException | None) -> None:
        run = self._run
        if run is None or not live() or _goes_on(error):
            return
        run.emit(_run_span(run, _run_status(error), error, self._worker))


def _now(kind: str) -> int:
    # Workflow time stands still in a query: it is the time of the last workflow task.
    return time.time_ns() if kind == c.SPAN_QUERY else nanoseconds(workflow.now()) or time.time_ns()


def _goes_on(error: BaseException | None) -> bool:
    """Whether only the workflow task fails, and the run (or its handler) will be tried again."""
    if error is None or isinstance(error, (asyncio.CancelledError, workflow.ContinueAsNewError)):
        return False
    if _cancel_requested() and is_cancelled_exception(error):
        return False
    return not isinstance(error, Exception) or not workflow.is_failure_exception(error)


def _cancel_requested() -> bool:
    return workflow.cancellation_reason() is not None


def _run_status(error: BaseException | None) -> RunStatus:
    if error is None:
        return RunStatus.COMPLETED
    if isinstance(error, workflow.ContinueAsNewError):
        return RunStatus.CONTINUED_AS_NEW
    return RunStatus.CANCELLED if _cancel_requested() and is_cancelled_exception(error) else RunStatus.FAILED


def _run_span(run: RunState, status: RunStatus, error: BaseException | None, worker: WorkerIdentity) -> SpanFacts:
    info = workflow.info()
    failed = status in (RunStatus.FAILED, RunStatus.CANCELLED)
    cause = cause_of(error) if error is not None and failed else None
    message = str(cause) if cause is not None else None
    extra = {
        c.KIND: c.SPAN_WORKFLOW,
        c.GEN_AI_OPERATION: "invoke_workflow",
        c.GEN_AI_CONVERSATION_ID: run.conversation,
        c.TASK_QUEUE: info.task_queue,
        c.FIRST_RUN_ID: info.first_execution_run_id,
        c.PREVIOUS_RUN_ID: info.continued_run_id,
        c.PARENT_WORKFLOW_ID: info.parent.workflow_id if info.parent else None,
        c.PARENT_RUN_ID: info.parent.run_id if info.parent else None,
        c.OUTCOME: status.value,
        c.ERROR_TYPE: error_type(cause) if cause is not None else None,
        c.ERROR_MESSAGE: message,
        c.WORKER: worker.identity,
        c.BUILD_ID: worker.build_id,
    }
    end = nanoseconds(workflow.now()) or 0
    return SpanFacts(
        f"invoke_workflow {info.workflow_type}",
        run.trace,
        run.root,
        run.incoming.span_id if run.incoming else 0,
        nanoseconds(info.workflow_start_time) or end,
        end,
        clean(extra),
        error=message,
        links=((run.previous.trace_id, run.previous.span_id),) if run.previous else (),
        remote_parent=True,
        ok=not failed,
    )
