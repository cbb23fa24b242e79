"""The worker interceptor: one for each worker, since an attempt must say which worker ran it."""

from typing import Any

from temporalio.worker import (
    ActivityInboundInterceptor,
    Interceptor,
    NexusOperationInboundInterceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from durascope._activity import ActivityInbound
from durascope._nexus import NexusInbound
from durascope._pipeline import Pipeline
from durascope._registry import ensure_registered
from durascope._worker import WorkerIdentity
from durascope._workflow import WorkflowInbound


class DurascopeInterceptor(Interceptor):
    """Wraps activities, Nexus handlers and workflows."""

    def __init__(self, pipeline: Pipeline, worker: WorkerIdentity) -> None:
        self._pipeline = pipeline
        self._worker = worker

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """See base class."""
        ensure_registered()
        return ActivityInbound(next, self._pipeline, self._worker)

    def intercept_nexus_operation(self, next: NexusOperationInboundInterceptor) -> NexusOperationInboundInterceptor:
        """See base class."""
        return NexusInbound(next)

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        """See base class."""
        pipeline, worker = self._pipeline, self._worker

        class Innermost(WorkflowInboundInterceptor):
            # Whatever the order of registration, ours goes next to the workflow: only there are the Agents
            # integration's own spans current on the way in, and not yet current on the way out.
            def __new__(cls, next: WorkflowInboundInterceptor) -> Any:
                ensure_registered()  # for each run: since the last somebody may have set other processors
                outer, inner = None, next
                while getattr(inner, "next", None) is not None:
                    outer, inner = inner, inner.next
                ours = WorkflowInbound(inner, pipeline, worker)
                if outer is None:
                    return ours
                outer.next = ours
                return next

        return Innermost
