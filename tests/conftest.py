"""Shared fixtures: real servers on loopback, started once a test process and stopped by their pid."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import pytest

from durascope_dashboard.demo.dev_server import DevServer
from durascope_dashboard.store.location import ClickHouseUrl, Location
from tests.clickhouse import ENGINES, Engine


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """A workflow that a stopped worker still held is closed by the garbage collector, in whatever test runs then.

    The Agents SDK's ``with`` blocks then reset their context variables in that test's context and raise: no fault of
    that test's, nor of ours. Everything else that goes unraised still fails (after pytest has set its own hook).
    """
    pytests = sys.unraisablehook

    def hook(unraisable: "sys.UnraisableHookArgs", /) -> None:
        error = unraisable.exc_value
        elsewhere = isinstance(error, ValueError) and "in a different Context" in str(error)
        if not (elsewhere and _leads_through("agents", unraisable.exc_traceback)):
            pytests(unraisable)

    sys.unraisablehook = hook


def _leads_through(package: str, traceback: TracebackType | None) -> bool:
    while traceback is not None:
        if str(traceback.tb_frame.f_globals.get("__name__", "")).partition(".")[0] == package:
            return True
        traceback = traceback.tb_next
    return False


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


@pytest.fixture
def clickhouse_url(clickhouse_engine: Engine) -> Iterator[ClickHouseUrl]:
    """A ClickHouse database of the test's own, not there yet."""
    with clickhouse_engine.database() as url:
        yield url


@pytest.fixture(params=ENGINES)
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """Where a store of each engine may be made."""
    if request.param == "duckdb":
        return tmp_path / "store.duckdb"
    url: ClickHouseUrl = request.getfixturevalue("clickhouse_url")
    return url
