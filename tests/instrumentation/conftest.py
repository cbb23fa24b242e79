"""The world of the matrix: servers, and one process with a worker for each way to set a worker up."""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from agents import set_trace_processors
from temporalio.client import Client, WorkflowHandle

from durascope_dashboard.demo.dev_server import DevServer
from sample_workflows.model_server import ScriptedServer
from tests.collector.running import RunningCollector
from tests.instrumentation.fleet import Crew, Station, started
from tests.instrumentation.scenario import HANGING, Journey, rules
from tests.instrumentation.world import World, unique

STATIONS = (
    Station("plain"),
    Station("uncached", cached=0),
    Station("encoded", codec="payloads"),
    Station("encoded-headers", codec="headers"),
    Station("worker", plugins="worker"),
    Station("twice", plugins="twice"),
)


@pytest.fixture(scope="session")
def world(temporal_server: DevServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Model server and collector, real ones; the SDK's own exporter is off."""
    set_trace_processors([])
    folder = tmp_path_factory.mktemp("matrix")
    with ScriptedServer(rules=rules()) as model, RunningCollector(Path(folder) / "store.duckdb") as collector:
        yield World(temporal_server, model, collector, Path(folder))


@pytest.fixture(scope="session")
def fleet(world: World) -> Iterator[World]:
    """The world with its ordinary workers at work."""
    with started(Crew(world.temporal.address, world.log, STATIONS, world.environment)):
        yield world


@pytest.fixture(scope="session")
def split(world: World) -> Iterator[World]:
    """Workflows in one process, activities in another."""
    address, log, environment = world.temporal.address, world.log, world.environment
    workflows = Crew(address, log, (Station("split", runs="workflows"),), environment)
    activities = Crew(address, log, (Station("split", runs="activities"),), environment)
    with started(workflows), started(activities):
        yield world


@pytest.fixture(scope="session")
def beside(world: World) -> Iterator[World]:
    """Workers that have other tracing as well, a process each since that is global."""
    address, log, environment = world.temporal.address, world.log, world.environment
    stations = (
        (Station("stock", plugins="stock"), Station("otel-last", runs="activities")),
        (Station("otel", plugins="otel"),),
        (Station("otel-last", runs="workflows", plugins="otel-last"),),
    )
    with ExitStack() as stack:
        for each in stations:
            stack.enter_context(started(Crew(address, log, each, environment)))
        yield world


@pytest.fixture(scope="session")
def killed(world: World) -> dict[str, WorkflowHandle[Any, Any]]:
    """Runs whose first worker was killed around its first model call; another has finished them."""
    return asyncio.run(_kill(world, ("die-before", "die-during", "die-after")))


async def _kill(world: World, words: Sequence[str]) -> dict[str, WorkflowHandle[Any, Any]]:
    address, log, environment = world.temporal.address, world.log, world.environment
    client = await Client.connect(address)
    handles: dict[str, WorkflowHandle[Any, Any]] = {}
    with ExitStack() as stack:
        victims = [
            stack.enter_context(started(Crew(address, log, (Station(w, heartbeat_s=8),), environment))) for w in words
        ]
        for word in words:
            uid = unique(word)
            handles[word] = await client.start_workflow(Journey.run, f"{word} {uid}", id=uid, task_queue=word)
        assert await asyncio.to_thread(HANGING.wait, 60)
        victims[words.index("die-during")].kill()
        for victim in victims:
            await asyncio.to_thread(victim.join, 150)
            assert victim.exitcode == -signal.SIGKILL
    with started(Crew(address, log, [Station(word, heartbeat_s=8) for word in words], environment)):
        for handle in handles.values():
            assert await asyncio.wait_for(handle.result(), 150) == "Found."
    return handles
