"""The workflow side: gives activities and children their trace, and emits the run and operation spans.

Runs in the workflow sandbox, on the workflow thread: no I/O, no randomness, no waiting.
"""

import time
from collections.abc import Callable
from typing import Any, NoReturn

from agents.tracing import Span, get_current_span
from opentelemetry.util.types import AttributeValue
from temporalio import workflow
from temporalio.exceptions import CancelledError
from temporalio.worker import (
    ContinueAsNewInput,
    ExecuteWorkflowInput,
    StartActivityInput,
    StartChildWorkflowInput,
    StartLocalActivityInput,
    WorkflowInboundInterceptor,
    WorkflowOutboundInterceptor,
)

from durascope import conventions as c
from durascope._activity import MODEL_ACTIVITIES
from durascope._attributes import clean, nanoseconds
from durascope._pipeline import Pipeline
from durascope._processor import is_replaced
from durascope._run import RunState, current_run, keep, parent_span, remote_context, trace_of, write_header
from durascope._safely import safely
from durascope._spans import SpanFacts
from durascope._worker import WorkerIdentity
from durascope.identity import (
    RunKey,
    activity_operation,
    format_span_id,
    operation_span_id,
    run_span_id,
    traceparent,
)
from durascope.records import Kind, RunStatus, Status


def begin_run(pipeline: Pipeline) -> RunState:
    """The state of the run that this code runs in; the same on every worker and on replay."""
    info = workflow.info()
    key = RunKey(info.namespace, info.workflow_id, info.run_id)
    incoming = remote_context(info.headers) if info.continued_run_id is None else None
    trace = trace_of(key, incoming)
    attributes: dict[str, AttributeValue] = {
        c.NAMESPACE: info.namespace,
        c.WORKFLOW_ID: info.workflow_id,
        c.RUN_ID: info.run_id,
        c.WORKFLOW_TYPE: info.workflow_type,
    }
    sampled = keep(pipeline.sampler, trace, incoming, f"invoke_workflow {info.workflow_type}")
    return RunState(key, trace, sampled, run_span_id(key), incoming, attributes)


class WorkflowInbound(WorkflowInboundInterceptor):
    """Opens and closes the run span."""

    def __init__(self, next: WorkflowInboundInterceptor, pipeline: Pipeline, worker: WorkerIdentity) -> None:
        super().__init__(next)
        self._pipeline = pipeline
        self._worker = worker
        self._run: RunState | None = None

    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        """Put our outbound interceptor in."""
        self.next.init(WorkflowOutbound(outbound, self))

    @property
    def pipeline(self) -> Pipeline:
        """Where spans go."""
        return self._pipeline

    @safely
    def run(self) -> RunState:
        """The run's state, made at first need."""
        if self._run is None:
            self._run = begin_run(self._pipeline)
        return self._run

    @safely
    def _enter(self) -> None:
        run = self.run()
        current_run.set(run)
        ambient = get_current_span()
        if run is not None and ambient is not None:
            run.splice[ambient.span_id] = run.root

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        """Run the workflow; at its end, if this is not a replay, emit the run span."""
        self._enter()
        try:
            result = await self.next.execute_workflow(input)
        except BaseException as error:
            self._ended(error)
            raise
        self._ended(None)
        return result

    @safely
    def _ended(self, error: BaseException | None) -> None:
        run = self._run
        if run is None or not run.sampled or workflow.unsafe.is_replaying_history_events():
            return
        status = _run_status(error)
        if status is not None:
            self._pipeline.span(_run_span(run, status, error, self._worker))


def _run_status(error: BaseException | None) -> RunStatus | None:
    if error is None:
        return RunStatus.COMPLETED
    if isinstance(error, workflow.ContinueAsNewError):
        return RunStatus.CONTINUED_AS_NEW
    if workflow.is_failure_exception(error) if isinstance(error, Exception) else False:
        cancelled = any(isinstance(each, CancelledError) for each in (error, error.__cause__))
        return RunStatus.CANCELLED if cancelled else RunStatus.FAILED
    # Eviction, or a bug that fails only the workflow task: the run goes on.
    return None


def _run_span(run: RunState, status: RunStatus, error: BaseException | None, worker: WorkerIdentity) -> SpanFacts:
    info = workflow.info()
    name = f"invoke_workflow {info.workflow_type}"
    start, end = nanoseconds(info.workflow_start_time), nanoseconds(workflow.now())
    failed = status in (RunStatus.FAILED, RunStatus.CANCELLED)
    extra = {
        c.KIND: c.SPAN_WORKFLOW,
        c.GEN_AI_OPERATION: "invoke_workflow",
        c.TASK_QUEUE: info.task_queue,
        c.FIRST_RUN_ID: info.first_execution_run_id,
        c.PREVIOUS_RUN_ID: info.continued_run_id,
        c.PARENT_WORKFLOW_ID: info.parent.workflow_id if info.parent else None,
        c.PARENT_RUN_ID: info.parent.run_id if info.parent else None,
        c.OUTCOME: status.value,
        c.ERROR_TYPE: type(error).__name__ if failed else None,
        c.ERROR_MESSAGE: str(error) if failed else None,
        c.WORKER: worker.identity,
        c.BUILD_ID: worker.build_id,
    }
    parent = run.incoming.span_id if run.incoming else 0
    return SpanFacts(
        name,
        run.trace,
        run.root,
        parent,
        start or time.time_ns(),
        end or time.time_ns(),
        {**run.attributes, **clean(extra)},
        error=str(error) if failed else None,
        remote_parent=True,
        ok=status is RunStatus.COMPLETED,
    )


class WorkflowOutbound(WorkflowOutboundInterceptor):
    """Writes our header, and emits an operation span when an activity's outcome reaches the workflow."""

    def __init__(self, next: WorkflowOutboundInterceptor, inbound: WorkflowInbound) -> None:
        super().__init__(next)
        self._inbound = inbound

    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:
        """See base class."""
        finish = self._operation(input)
        handle = self.next.start_activity(input)
        self._watch(handle, input, finish)
        return handle

    def start_local_activity(self, input: StartLocalActivityInput) -> workflow.ActivityHandle[Any]:
        """See base class."""
        finish = self._operation(input)
        handle = self.next.start_local_activity(input)
        self._watch(handle, input, finish)
        return handle

    async def start_child_workflow(self, input: StartChildWorkflowInput) -> workflow.ChildWorkflowHandle[Any, Any]:
        """See base class."""
        self._trace_child(input)
        return await self.next.start_child_workflow(input)

    def continue_as_new(self, input: ContinueAsNewInput) -> NoReturn:
        """See base class."""
        self.next.continue_as_new(input)

    @safely
    def _trace_child(self, input: StartChildWorkflowInput) -> None:
        run = self._inbound.run()
        if run is None or c.HEADER_TRACER in input.headers:
            return
        span = get_current_span()
        parent = parent_span(run, span.span_id if span else None)
        header = write_header({"traceparent": traceparent(run.trace, parent, sampled=run.sampled)})
        input.headers = {**input.headers, c.HEADER_TRACER: header}

    @safely
    def _operation(self, input: StartActivityInput | StartLocalActivityInput) -> "Operation | None":
        run = self._inbound.run()
        if run is None:
            return None
        span = get_current_span()
        kind = _kind(input.activity, span, isinstance(input, StartLocalActivityInput))
        agent = _agent(run, span, input)
        parent = parent_span(run, span.span_id if span and not is_replaced(span) else None)
        header: dict[str, object] = {"traceparent": traceparent(run.trace, parent, sampled=run.sampled)}
        header |= {"parent": format_span_id(parent), "agent": agent, "kind": kind.value}
        input.headers = {**input.headers, c.HEADER_DURASCOPE: write_header(header)}
        start = nanoseconds(workflow.now()) or 0
        return Operation(run, input.activity, kind, agent, parent, start, self._inbound.pipeline)

    @safely
    def _watch(
        self,
        handle: workflow.ActivityHandle[Any],
        input: StartActivityInput | StartLocalActivityInput,
        operation: "Operation | None",
    ) -> None:
        if operation is None or not operation.run.sampled:
            return
        sequence = getattr(handle, "_seq", None)
        activity_id = input.activity_id or (str(sequence) if sequence is not None else None)
        if activity_id is not None:
            handle.add_done_callback(operation.finisher(activity_id))


class Operation:
    """An activity that has been scheduled and not yet ended."""

    def __init__(
        self, run: RunState, name: str, kind: Kind, agent: str | None, parent: int, start: int, pipeline: Pipeline
    ) -> None:
        self.run, self.name, self.kind, self.agent = run, name, kind, agent
        self.parent, self.start, self.pipeline = parent, start, pipeline

    def finisher(self, activity_id: str) -> Callable[[Any], None]:
        """A callback for the activity's future."""

        @safely
        def finish(future: Any) -> None:
            if workflow.unsafe.is_replaying_history_events():
                return
            self.pipeline.span(self._span(activity_id, future))

        return finish

    def _span(self, activity_id: str, future: Any) -> SpanFacts:
        error = None if future.cancelled() else future.exception()
        status = Status.CANCELLED if future.cancelled() else Status.ERROR if error else Status.OK
        extra = {
            c.KIND: c.SPAN_OPERATION,
            c.ACTIVITY_ID: activity_id,
            c.ACTIVITY_TYPE: self.name,
            c.OPERATION_KIND: self.kind.value,
            c.GEN_AI_AGENT_NAME: self.agent,
            c.OUTCOME: status.value,
        }
        return SpanFacts(
            self.name,
            self.run.trace,
            operation_span_id(self.run.key, activity_operation(activity_id)),
            self.parent,
            self.start,
            nanoseconds(workflow.now()) or self.start,
            {**self.run.attributes, **clean(extra)},
            error=None if status is Status.OK else str(error or "cancelled"),
            ok=status is Status.OK,
        )


def _kind(activity: str, span: Span[Any] | None, local: bool) -> Kind:
    if activity in MODEL_ACTIVITIES:
        return Kind.MODEL
    if activity.startswith("mcp") or activity.endswith(("-list-tools", "-call-tool-v2")):
        return Kind.MCP
    if span is not None and span.span_data.type == "function":
        return Kind.TOOL
    return Kind.LOCAL_ACTIVITY if local else Kind.ACTIVITY


def _agent(run: RunState, span: Span[Any] | None, input: Any) -> str | None:
    # Turn and agent spans name the agent; a function span only knows its parent, which an earlier call recorded.
    if span is None:
        return None
    data = span.span_data
    name = getattr(data, "agent_name", None) or (data.name if data.type == "agent" else None)
    if name:
        run.agents[span.span_id] = name
        return str(name)
    return run.agents.get(span.parent_id or "")
