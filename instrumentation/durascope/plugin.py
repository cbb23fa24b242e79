"""`DurascopePlugin`: the one line on the worker (or the client) that switches Durascope on."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

from agents import add_trace_processor
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider
from temporalio.client import ClientConfig, WorkflowHistory
from temporalio.client import Plugin as ClientPlugin
from temporalio.service import ConnectConfig, ServiceClient
from temporalio.worker import (
    ActivityInboundInterceptor,
    Interceptor,
    Replayer,
    ReplayerConfig,
    Worker,
    WorkerConfig,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowReplayResult,
)
from temporalio.worker import Plugin as WorkerPlugin
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from durascope._activity import ActivityInbound
from durascope._export import own_logger_provider, own_tracer_provider
from durascope._pipeline import Pipeline
from durascope._processor import AgentsProcessor
from durascope._worker import WorkerIdentity, identity_of
from durascope._workflow import WorkflowInbound

PASSTHROUGH = ("durascope", "opentelemetry", "agents", "openai")


class DurascopeInterceptor(Interceptor):
    """What a worker needs of us; one for each worker, since an attempt must say which worker ran it."""

    def __init__(self, pipeline: Pipeline, worker: WorkerIdentity) -> None:
        self._pipeline = pipeline
        self._worker = worker

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """See base class."""
        return ActivityInbound(next, self._pipeline, self._worker)

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        """See base class."""
        pipeline, worker = self._pipeline, self._worker

        class Innermost(WorkflowInboundInterceptor):
            # Whatever the order of registration, ours goes next to the workflow: only there are the Agents
            # integration's own spans current on the way in, and not yet current on the way out.
            def __new__(cls, next: WorkflowInboundInterceptor) -> Any:
                last = next
                inner = getattr(last, "next", None)
                if inner is None:
                    return WorkflowInbound(next, pipeline, worker)
                while getattr(inner, "next", None) is not None:
                    last, inner = inner, inner.next
                last.next = WorkflowInbound(inner, pipeline, worker)
                return next

        return Innermost


class DurascopePlugin(ClientPlugin, WorkerPlugin):
    """Make every attempt of every run on this worker visible, through OpenTelemetry.

    Give it the providers that the program already has; without any it makes its own from the standard ``OTEL_*``
    variables. Order among plugins, and client or worker, do not matter.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        logger_provider: Any | None = None,
    ) -> None:
        own = tracer_provider is None
        self._pipeline = Pipeline(
            tracer_provider or own_tracer_provider(),
            own_logger_provider() if own and logger_provider is None else logger_provider,
        )

    def name(self) -> str:
        """See base class."""
        return "durascope.DurascopePlugin"

    def configure_client(self, config: ClientConfig) -> ClientConfig:
        """See base class."""
        return config

    async def connect_service_client(
        self, config: ConnectConfig, next: Callable[[ConnectConfig], Awaitable[ServiceClient]]
    ) -> ServiceClient:
        """See base class."""
        return await next(config)

    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        """See base class."""
        if not any(isinstance(found, DurascopeInterceptor) for found in config.get("interceptors", [])):
            interceptor = DurascopeInterceptor(self._pipeline, identity_of(config))
            config["interceptors"] = [*config.get("interceptors", []), interceptor]
        runner = config.get("workflow_runner")
        if isinstance(runner, SandboxedWorkflowRunner):
            restrictions = runner.restrictions.with_passthrough_modules(*PASSTHROUGH)
            config["workflow_runner"] = replace(runner, restrictions=restrictions)
        return config

    async def run_worker(self, worker: Worker, next: Callable[[Worker], Awaitable[None]]) -> None:
        """See base class."""
        add_trace_processor(AgentsProcessor(self._pipeline))
        try:
            await next(worker)
        finally:
            self._pipeline.flush()

    def configure_replayer(self, config: ReplayerConfig) -> ReplayerConfig:
        """See base class."""
        return config

    @asynccontextmanager
    async def run_replayer(
        self,
        replayer: Replayer,
        histories: AsyncIterator[WorkflowHistory],
        next: Callable[
            [Replayer, AsyncIterator[WorkflowHistory]],
            AbstractAsyncContextManager[AsyncIterator[WorkflowReplayResult]],
        ],
    ) -> AsyncIterator[AsyncIterator[WorkflowReplayResult]]:
        """See base class."""
        async with next(replayer, histories) as results:
            yield results
