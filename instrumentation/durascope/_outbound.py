"""What a workflow begins: activities, children, Nexus operations, signals, its own continuation. Headers and spans.

Runs in the workflow sandbox, on the workflow thread: no I/O, no randomness, no waiting.
"""

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from opentelemetry.util.types import AttributeValue
from temporalio import workflow
from temporalio.worker import (
    ContinueAsNewInput,
    SignalChildWorkflowInput,
    SignalExternalWorkflowInput,
    StartActivityInput,
    StartChildWorkflowInput,
    StartLocalActivityInput,
    StartNexusOperationInput,
    WorkflowOutboundInterceptor,
)

from durascope import _headers as headers
from durascope import conventions as c
from durascope._activity_types import MODEL_ACTIVITIES, is_mcp
from durascope._attributes import clean, nanoseconds
from durascope._operation import Caller, Operation, caller
from durascope._safely import safely
from durascope.identity import activity_operation, child_operation, format_span_id, nexus_operation
from durascope.records import Kind

if TYPE_CHECKING:
    from durascope._workflow import WorkflowInbound

T = TypeVar("T")
ActivityInput = StartActivityInput | StartLocalActivityInput


class WorkflowOutbound(WorkflowOutboundInterceptor):
    """Next to the workflow: what is current here is what the workflow's own code has made current."""

    def __init__(self, next: WorkflowOutboundInterceptor, inbound: "WorkflowInbound") -> None:
        super().__init__(next)
        self._inbound = inbound

    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:
        """See base class."""
        operation = self._activity(input)
        handle = self.next.start_activity(input)
        self._watch_activity(handle, input, operation)
        return handle

    def start_local_activity(self, input: StartLocalActivityInput) -> workflow.ActivityHandle[Any]:
        """See base class."""
        operation = self._activity(input)
        handle = self.next.start_local_activity(input)
        self._watch_activity(handle, input, operation)
        return handle

    async def start_child_workflow(self, input: StartChildWorkflowInput) -> workflow.ChildWorkflowHandle[Any, Any]:
        """See base class."""
        operation = self._child(input)
        handle = await _begun(operation, self.next.start_child_workflow(input))
        _watch(operation, handle)
        return handle

    async def start_nexus_operation(
        self, input: StartNexusOperationInput[Any, Any]
    ) -> workflow.NexusOperationHandle[Any]:
        """See base class."""
        operation = self._nexus(input)
        handle = await _begun(operation, self.next.start_nexus_operation(input))
        _watch(operation, getattr(handle, "_task", None))  # the handle is no future; the task inside it is
        return handle

    async def signal_child_workflow(self, input: SignalChildWorkflowInput) -> None:
        """See base class."""
        self._trace(input)
        await self.next.signal_child_workflow(input)

    async def signal_external_workflow(self, input: SignalExternalWorkflowInput) -> None:
        """See base class."""
        self._trace(input)
        await self.next.signal_external_workflow(input)

    def continue_as_new(self, input: ContinueAsNewInput) -> NoReturn:
        """The next run has a trace of its own, and links to this one."""
        self._link(input)
        self.next.continue_as_new(input)

    @safely
    def _activity(self, input: ActivityInput) -> Operation | None:
        run = self._inbound.run()
        if run is None:
            return None
        who = caller(run)
        kind = _kind(input, who)
        ours = {"traceparent": run.traceparent(who.parent), "parent": format_span_id(who.parent), "kind": kind.value}
        ours |= {"agent": who.agent} if who.agent else {}
        input.headers = {**input.headers, c.HEADER_DURASCOPE: headers.write(ours)}
        return self._operation(input.activity, kind.value, who, {c.ACTIVITY_TYPE: input.activity})

    @safely
    def _child(self, input: StartChildWorkflowInput) -> Operation | None:
        run = self._inbound.run()
        if run is None:
            return None
        who = caller(run)
        operation = self._operation(f"child {input.workflow}", Kind.CHILD.value, who, {c.CHILD_ID: input.id})
        operation.id = child_operation(input.id, run.nth(f"child {input.id}"))
        here = run.traceparent(operation.span)
        ours = {c.HEADER_DURASCOPE: headers.write({"traceparent": here, "parent": format_span_id(who.parent)})}
        input.headers = headers.with_traceparent({**input.headers, **ours}, here)
        return operation

    @safely
    def _nexus(self, input: StartNexusOperationInput[Any, Any]) -> Operation | None:
        run = self._inbound.run()
        if run is None:
            return None
        who, name = caller(run), f"{input.service}.{input.operation_name}"
        operation = self._operation(f"nexus {name}", Kind.NEXUS.value, who, {})
        operation.id = nexus_operation(input.service, input.operation_name, run.nth(f"nexus {name}"))
        ours = {"traceparent": run.traceparent(operation.span), c.HEADER_NEXUS_PARENT: format_span_id(who.parent)}
        input.headers = {**ours, **(input.headers or {})}
        return operation

    def _operation(self, name: str, kind: str, who: Caller, more: dict[str, AttributeValue]) -> Operation:
        run = self._inbound.run()
        assert run is not None
        attributes = {
            c.KIND: kind if kind in (c.SPAN_CHILD, c.SPAN_NEXUS) else c.SPAN_OPERATION,
            c.OPERATION_KIND: kind,
            c.GEN_AI_AGENT_NAME: who.agent,
            c.PARENT_SPAN_ID: format_span_id(who.parent),
            **more,
        }
        return Operation(run, name, who.parent, nanoseconds(workflow.now()) or 0, clean(attributes))

    @safely
    def _watch_activity(
        self, handle: workflow.ActivityHandle[Any], input: ActivityInput, operation: Operation | None
    ) -> None:
        # Without an id of the caller's, the SDK numbers activities; the handle is the only one to know the number.
        activity_id = input.activity_id or str(getattr(handle, "_seq", ""))
        if isinstance(input, StartLocalActivityInput) and not input.activity_id:
            _keep_id(handle, activity_id)
        if operation is not None and activity_id:
            operation.attributes[c.ACTIVITY_ID] = activity_id
            operation.id = activity_operation(activity_id)
            operation.watch(handle)

    @safely
    def _trace(self, input: SignalChildWorkflowInput | SignalExternalWorkflowInput) -> None:
        run = self._inbound.run()
        if run is not None:
            input.headers = headers.with_traceparent(input.headers, run.traceparent(caller(run).parent))

    @safely
    def _link(self, input: ContinueAsNewInput) -> None:
        run = self._inbound.run()
        if run is not None:
            header = headers.write({"continues": run.traceparent(run.root)})
            input.headers = {**input.headers, c.HEADER_DURASCOPE: header}


@safely
def _keep_id(handle: workflow.ActivityHandle[Any], activity_id: str) -> None:
    # A timer brings a local activity back under another number; but with the headers that are there by then.
    again: Any = handle._input  # type: ignore[attr-defined]  # tests/instrumentation/test_interfaces.py
    ours = headers.read(again.headers, c.HEADER_DURASCOPE)
    if ours:
        again.headers = {**again.headers, c.HEADER_DURASCOPE: headers.write({**ours, "id": activity_id})}


async def _begun(operation: Operation | None, starting: Awaitable[T]) -> T:
    """The handle of what has begun; what cannot begin ends here."""
    try:
        return await starting
    except BaseException as error:
        if operation is not None:
            operation.ended(error)
        raise


@safely
def _watch(operation: Operation | None, future: Any) -> None:
    if operation is not None and future is not None:
        operation.watch(future)


def _kind(input: ActivityInput, who: Caller) -> Kind:
    if input.activity in MODEL_ACTIVITIES:
        return Kind.MODEL
    if is_mcp(input.activity):
        return Kind.MCP
    if who.in_tool:
        return Kind.TOOL
    return Kind.LOCAL_ACTIVITY if isinstance(input, StartLocalActivityInput) else Kind.ACTIVITY
