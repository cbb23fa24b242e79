"""Worker processes, forked from one that has imported everything: real processes, to be killed, within a blink.

A process serves several stations (task queues), each with its own topology and its own plugins.
"""

import asyncio
import contextlib
import faulthandler
import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Event
from typing import Any, Literal

from agents import set_trace_processors
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, HeaderCodecBehavior
from temporalio.common import RetryPolicy
from temporalio.converter import DataConverter, PayloadCodec
from temporalio.openai_agents import ModelActivityParameters, OpenAIAgentsPlugin
from temporalio.worker import Worker

from durascope import DurascopePlugin
from tests.instrumentation.scenario import ACTIVITIES, WORKFLOWS
from tests.instrumentation.witness import Witness

Plugins = Literal["none", "one", "worker", "twice", "stock", "otel", "otel-last"]


def parameters(heartbeat_s: float = 30) -> ModelActivityParameters:
    """How model calls run. The heartbeat is long: a busy machine must not look like a dead worker."""
    return ModelActivityParameters(
        start_to_close_timeout=timedelta(seconds=60),
        heartbeat_timeout=timedelta(seconds=heartbeat_s),
        retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_attempts=5),
        streaming_topic="events",
    )


@dataclass(frozen=True)
class Station:
    """One worker."""

    queue: str
    runs: Literal["both", "workflows", "activities"] = "both"
    cached: int = 1000
    codec: Literal["none", "payloads", "headers"] = "none"
    plugins: Plugins = "one"
    heartbeat_s: float = 30  # the same for all stations of a crew: the Agents plugin keeps it for the process


@dataclass(frozen=True)
class Crew:
    """One worker process: its stations, and the environment it lives in."""

    address: str
    log: str
    stations: Sequence[Station]
    environment: dict[str, str] = field(default_factory=dict)


class Scrambler(PayloadCodec):
    """Stands for encryption: nobody reads the payloads without it."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """See base class."""
        return [
            Payload(metadata={"encoding": b"binary/scrambled"}, data=_turn(p.SerializeToString())) for p in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """See base class."""
        return [unscramble(payload) or payload for payload in payloads]


def unscramble(payload: Payload) -> Payload | None:
    """What the payload was, or None if it was not scrambled."""
    if payload.metadata.get("encoding") != b"binary/scrambled":
        return None
    return Payload.FromString(_turn(payload.data))


def _turn(data: bytes) -> bytes:
    return bytes(byte ^ 0x5A for byte in data)


async def connect(address: str, station: Station, plugins: Sequence[Any]) -> Client:
    """A client with the station's codec."""
    codec = None if station.codec == "none" else Scrambler()
    behavior = HeaderCodecBehavior.CODEC if station.codec == "headers" else HeaderCodecBehavior.NO_CODEC
    return await Client.connect(
        address,
        plugins=list(plugins),
        data_converter=DataConverter(payload_codec=codec),
        header_codec_behavior=behavior,
    )


@contextlib.contextmanager
def started(crew: Crew) -> Iterator[ForkServerProcess]:
    """A worker process; ended by SIGTERM unless it has been killed before."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.instrumentation.fleet", "opentelemetry.exporter.otlp.proto.http"])
    ready = context.Event()
    process = context.Process(target=_serve, args=(crew, ready), daemon=True)
    process.start()
    try:
        while not ready.wait(0.05):
            assert process.is_alive(), f"a worker process did not start; see {crew.log}"
        yield process
    finally:
        process.terminate()
        process.join(40)
        assert process.exitcode is not None, "a worker did not stop"


def _serve(crew: Crew, ready: Event) -> None:
    os.environ.update({"OPENAI_API_KEY": "scripted", **crew.environment})
    descriptor = os.open(crew.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(descriptor, sys.stdout.fileno())
    os.dup2(descriptor, sys.stderr.fileno())
    faulthandler.register(signal.SIGUSR1)  # says into the log what a worker that hangs is doing
    set_trace_processors([])  # the SDK's own exporter posts to OpenAI
    warnings.simplefilter("ignore", RuntimeWarning)  # of the plugin registered twice
    asyncio.run(_work(crew, ready))


async def _work(crew: Crew, ready: Event) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with contextlib.AsyncExitStack() as running:
        for station in crew.stations:
            await running.enter_async_context(await _worker(crew.address, station))
        ready.set()
        await stop.wait()


async def _worker(address: str, station: Station) -> Worker:
    on_client, on_worker = _plugins(station.plugins)  # first: the Agents plugin wants a tracer provider to be there
    agents = OpenAIAgentsPlugin(
        parameters(station.heartbeat_s), Witness(), register_activities=station.runs != "workflows",
        use_otel_instrumentation=station.plugins in ("otel", "otel-last"),
    )  # fmt: skip
    in_order = [*on_client, agents] if station.plugins == "otel-last" else [agents, *on_client]
    client = await connect(address, station, in_order)
    return Worker(
        client,
        task_queue=station.queue,
        workflows=[] if station.runs == "activities" else WORKFLOWS,
        activities=[] if station.runs == "workflows" else ACTIVITIES,
        plugins=on_worker,
        activity_executor=ThreadPoolExecutor(4),
        max_cached_workflows=station.cached,
        max_heartbeat_throttle_interval=timedelta(seconds=1),  # a cancellation comes with a heartbeat
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),  # how long a killed worker's runs stand still
        graceful_shutdown_timeout=timedelta(milliseconds=500),
    )


def _plugins(which: Plugins) -> tuple[list[Any], list[Any]]:
    """For the client and for the worker."""
    if which == "none":
        return [], []
    if which == "worker":
        return [], [DurascopePlugin()]
    if which == "twice":
        plugin = DurascopePlugin()
        return [plugin, plugin], [DurascopePlugin()]
    if which in ("stock", "otel", "otel-last"):
        return _beside_stock(which == "stock"), []
    return [DurascopePlugin()], []


def _beside_stock(temporal_plugin: bool) -> list[Any]:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from temporalio.contrib.opentelemetry import OpenTelemetryPlugin, create_tracer_provider

    provider = create_tracer_provider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=200))
    trace.set_tracer_provider(provider)
    # Once with an exporter of our own beside the user's, once through the user's own provider.
    if temporal_plugin:
        return [OpenTelemetryPlugin(add_temporal_spans=True), DurascopePlugin()]
    return [DurascopePlugin(provider)]
