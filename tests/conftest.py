"""Shared fixtures: real servers on loopback, started once a test process and stopped by their pid."""

from collections.abc import Iterator

import pytest

from durascope_dashboard.demo.dev_server import DevServer
from tests.clickhouse import Engine


@pytest.fixture(scope="session")
def temporal_server() -> Iterator[DevServer]:
    """The real Temporal dev server; ``.address`` is its frontend. Shared: use ids and task queues of your own."""
    with DevServer() as server:
        yield server


@pytest.fixture(scope="session")
def clickhouse_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """chDB, which is ClickHouse in this process; see tests/clickhouse.py."""
    engine = Engine(tmp_path_factory.mktemp("clickhouse"))
    yield engine
    engine.client.close()
