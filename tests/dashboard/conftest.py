"""A store with a small fleet in every kind of trouble, made once, and pages run by AppTest on it."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard import synthetic

SCRIPT = Path(__file__).with_name("one_page.py")
OpenPage = Callable[..., AppTest]


@pytest.fixture(scope="session")
def fleet_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store file with `synthetic.fleet`."""
    path = tmp_path_factory.mktemp("fleet") / "fleet.duckdb"
    moment = synthetic.now()
    synthetic.write(path, synthetic.fleet(moment), moment)
    return path


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    """AppTest leaves its script as ``__main__``, which every process that a later test forks would run first."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch, fleet_store: Path) -> OpenPage:
    """``open_page("run", workflow_id=...)``: the page with these query parameters, run once, without an exception."""

    def opened(name: str, *, store: Path | None = None, server: str | None = None, **query: str) -> AppTest:
        monkeypatch.setenv("TEST_PAGE", name)
        monkeypatch.setenv("DURASCOPE_STORE", str(store or fleet_store))
        monkeypatch.delenv("DURASCOPE_SERVER", raising=False)
        if server:
            monkeypatch.setenv("DURASCOPE_SERVER", server)
            monkeypatch.delenv("DURASCOPE_STORE")
        page = AppTest.from_file(SCRIPT, default_timeout=90)
        for key, value in query.items():
            page.query_params[key] = value
        page.run()
        assert not page.exception, page.exception[0].message
        return page

    return opened
