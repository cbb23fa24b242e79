"""`DurascopePlugin`: the one line on the client (or the worker) that switches Durascope on."""

import asyncio
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider
from temporalio.client import ClientConfig, WorkflowHistory
from temporalio.client import Plugin as ClientPlugin
from temporalio.service import ConnectConfig, ServiceClient
from temporalio.worker import Plugin as WorkerPlugin
from temporalio.worker import Replayer, ReplayerConfig, Worker, WorkerConfig, WorkflowReplayResult, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from durascope import _http_retries, _registry
from durascope._client import ClientInterceptor
from durascope._content import LIMIT, Redactor, from_environment
from durascope._interceptor import DurascopeInterceptor
from durascope._own_metrics import own_meter_provider
from durascope._pipeline import Clock, Pipeline
from durascope._safely import safely
from durascope._ways import BUFFERED, GivenWay, OwnWay
from durascope._worker import WorkerIdentity, identity_of
from durascope.exceptions import ConfigurationError

PASSTHROUGH = ("durascope", "opentelemetry", "agents", "openai")


class DurascopePlugin(ClientPlugin, WorkerPlugin):
    """Make every attempt of every run visible, through OpenTelemetry.

    Put it on the client, which passes it on to its workers, or on a worker; before or after the Agents plugin.

    Without a ``tracer_provider`` it makes providers of its own from the standard ``OTEL_*`` variables and exports over
    OTLP; with one, everything goes through the providers given, and signals without a provider are not sent.
    ``redactor(name, value)`` sees every captured content value and error message first, and returns what may be kept.
    ``content_limit`` is in characters an attribute, ``buffer_size`` in spans (and as many log records) kept while the
    collector is away, ``flush_timeout`` the longest that the end of a worker, or of the process, waits for the last
    export. ``clock`` tells the worker's time, for tests.

    Raises ConfigurationError for an argument that cannot work. It never raises into a workflow or an activity.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        logger_provider: Any | None = None,
        *,
        redactor: Redactor | None = None,
        content_limit: int = LIMIT,
        buffer_size: int = BUFFERED,
        flush_timeout: timedelta = timedelta(seconds=5),
        clock: Clock = time.time_ns,
    ) -> None:
        _at_least("content_limit", content_limit, 0)
        _at_least("buffer_size", buffer_size, 1)
        self._flush_s = flush_timeout.total_seconds()
        _at_least("flush_timeout", self._flush_s, 0)
        content = from_environment(redactor, content_limit)
        settings: dict[str, Any] = {"content": content, "size": buffer_size, "flush_s": self._flush_s, "clock": clock}
        if tracer_provider is None and meter_provider is None and logger_provider is None:
            way = OwnWay(buffer_size)
            self._pipeline = Pipeline(way, own_meters=lambda: own_meter_provider(way.resource), **settings)
        else:
            given = GivenWay(tracer_provider, logger_provider, buffer_size)
            self._pipeline = Pipeline(given, meter_provider, **settings)

    def name(self) -> str:
        """See base class."""
        return "durascope.DurascopePlugin"

    def force_flush(self, timeout: timedelta = timedelta(seconds=5)) -> None:
        """Make everything that has ended leave the process; blocks for at most about ``timeout``."""
        self._pipeline.flush(timeout.total_seconds())

    def shutdown(self, timeout: timedelta | None = None) -> None:
        """Send what is left within ``timeout`` (``flush_timeout`` if it is None), and end for good.

        Threads, connections and the metrics of its own end; what happens afterwards is dropped. Blocks. A process that
        exits does this by itself. Providers that were given are flushed, and go on.
        """
        deadline = time.monotonic() + (self._flush_s if timeout is None else timeout.total_seconds())
        self._pipeline.flush(deadline - time.monotonic())
        _registry.forget(self._pipeline)
        self._pipeline.close(max(deadline - time.monotonic(), 0.0))

    def configure_client(self, config: ClientConfig) -> ClientConfig:
        """See base class."""
        interceptors = config.get("interceptors", [])
        if _present(interceptors, ClientInterceptor):
            _warn_twice("client")
            return config
        self._pipeline.start()
        _registry.attend(self._pipeline)
        config["interceptors"] = [*interceptors, ClientInterceptor(self._pipeline)]
        return config

    async def connect_service_client(
        self, config: ConnectConfig, next: Callable[[ConnectConfig], Awaitable[ServiceClient]]
    ) -> ServiceClient:
        """See base class."""
        return await next(config)

    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        """See base class."""
        interceptors = config.get("interceptors", [])
        if _present(interceptors, DurascopeInterceptor):
            _warn_twice("worker")
            return config
        self._pipeline.start()
        config["interceptors"] = [*interceptors, DurascopeInterceptor(self._pipeline, identity_of(config))]
        config["workflow_runner"] = _let_through(config.get("workflow_runner"))
        return config

    async def run_worker(self, worker: Worker, next: Callable[[Worker], Awaitable[None]]) -> None:
        """Run the worker, then send what is left, off the event loop and within ``flush_timeout``."""
        self._enter()
        try:
            await next(worker)
        finally:
            self._leave()
            await self._send_rest(worker)

    async def _send_rest(self, worker: Worker) -> None:
        # Shielded: a thread that is cancelled before it runs would never send.
        sending = asyncio.get_running_loop().run_in_executor(None, self._pipeline.flush, self._flush_s)
        try:
            await asyncio.shield(sending)
        except asyncio.CancelledError:
            # Leaving `async with Worker`, older SDKs cancel the task that they run the worker in rather than wait for
            # plugins, and pass that on to the code around it as a failure of the worker. The thread sends on.
            if getattr(worker, "_async_context_run_task", None) is not asyncio.current_task():
                raise

    def configure_replayer(self, config: ReplayerConfig) -> ReplayerConfig:
        """See base class. A replay emits nothing, but must run the same code."""
        interceptors = config.get("interceptors", [])
        if not _present(interceptors, DurascopeInterceptor):
            config["interceptors"] = [*interceptors, DurascopeInterceptor(self._pipeline, WorkerIdentity())]
        config["workflow_runner"] = _let_through(config.get("workflow_runner"))
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
        self._enter()
        try:
            async with next(replayer, histories) as results:
                yield results
        finally:
            self._leave()

    @safely
    def _enter(self) -> None:
        _registry.enter()
        _http_retries.watch()

    @safely
    def _leave(self) -> None:
        _http_retries.unwatch()
        _registry.leave()


def _at_least(name: str, found: float, least: int) -> None:
    if not found >= least:
        raise ConfigurationError(f"{name} is {found:g}; set it to {least} or more, or leave it out")


def _present(interceptors: Iterable[Any], kind: type) -> bool:
    return any(isinstance(each, kind) for each in interceptors)


def _warn_twice(where: str) -> None:
    warnings.warn(
        f"DurascopePlugin is registered twice on one {where}; the first is used. Give it to the client only: "
        "its workers inherit it",
        RuntimeWarning,
        stacklevel=3,
    )


def _let_through(runner: WorkflowRunner | None) -> Any:
    if isinstance(runner, SandboxedWorkflowRunner):
        return replace(runner, restrictions=runner.restrictions.with_passthrough_modules(*PASSTHROUGH))
    return runner
