"""Each page but the Run page, run by AppTest: on the fleet, on an empty store, and where a link names nothing."""

from pathlib import Path

import pytest

from durascope_dashboard.store.duckdb_store import DuckStore
from tests.dashboard.conftest import OpenPage

PAGES = ("runs", "compare", "reliability", "cost", "workers", "health")


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without a run."""
    path = tmp_path_factory.mktemp("empty") / "empty.duckdb"
    DuckStore(path).close()
    return path


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_fleet_draws_without_an_exception(open_page: OpenPage, name: str) -> None:
    """Whatever is in the store: hostile names, unknown tokens, runs without telemetry."""
    page = open_page(name)
    assert not page.error
    assert any(element.value.startswith("### ") for element in page.markdown)


@pytest.mark.parametrize("name", ["runs", "compare", "reliability", "cost", "workers", "health"])
def test_a_page_of_an_empty_store_says_what_to_run(open_page: OpenPage, empty_store: Path, name: str) -> None:
    """No page is blank: the commands that bring data are on it."""
    page = open_page(name, store=empty_store)
    assert "No runs yet" in [element.value for element in page.subheader]
    assert any("durascope demo" in code.value for code in page.code)
