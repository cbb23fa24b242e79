"""The world of the matrix: servers, and one process with a worker for each way to set a worker up."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from agents import set_trace_processors

from durascope_dashboard.demo.dev_server import DevServer
from sample_workflows.model_server import ScriptedServer
from tests.collector.running import RunningCollector
from tests.instrumentation.fleet import Crew, Station, started
from tests.instrumentation.scenario import rules
from tests.instrumentation.world import World

STATIONS = (
    Station("plain"),
    Station("uncached", cached=0),
    Station("encoded", codec="payloads"),
    Station("encoded-headers", codec="headers"),
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
