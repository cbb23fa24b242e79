"""A fresh store of each engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from durascope_dashboard.store.engine import Store
from durascope_dashboard.store.location import ClickHouseUrl, Location, open_store
from tests.clickhouse import Engine

ENGINES = ("duckdb", "clickhouse")


@pytest.fixture
def clickhouse_url(clickhouse_engine: Engine) -> Iterator[ClickHouseUrl]:
    """A ClickHouse database of the test's own."""
    with clickhouse_engine.database() as url:
        yield url


@pytest.fixture(params=ENGINES)
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """Where a store of each engine may be made."""
    if request.param == "duckdb":
        return tmp_path / "store.duckdb"
    url: ClickHouseUrl = request.getfixturevalue("clickhouse_url")
    return url


@pytest.fixture
def store(location: Location) -> Iterator[Store]:
    """An empty store of each engine."""
    with open_store(location) as opened:
        yield opened
