"""Which collector or store is read, and which is written: what was meant, or an error that says what was found."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from durascope_dashboard import reader
from durascope_dashboard.collector.settings import Access, Settings
from durascope_dashboard.exceptions import DurascopeError, Refused, StoreUnavailable, UsageError
from durascope_dashboard.reader import connect
from durascope_dashboard.remote_reader import RemoteReader
from durascope_dashboard.store.duckdb_store import DuckStore
from durascope_dashboard.temporal.files import read_file
from durascope_dashboard.temporal.opening import opened_sink
from tests.collector.running import RunningCollector
from tests.histories.recording import GOLDEN

NOBODY = "http://127.0.0.1:1"


class _Foreign(BaseHTTPRequestHandler):
    """What an OpenTelemetry Collector answers to a path that it does not know."""

    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()
        self.wfile.write(b"404 page not found\n")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def foreign() -> Iterator[str]:
    """The URL of a server that is no Durascope collector."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Foreign) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[RunningCollector]:
    """A collector that wants a token."""
    with RunningCollector(tmp_path / "guarded.duckdb", settings=Settings(access=Access(token="s3cret"))) as running:
        yield running


@pytest.fixture
def default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default store, empty, with no variable set."""
    for name in ("DURASCOPE_SERVER", "DURASCOPE_STORE", "DURASCOPE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(reader, "DEFAULT_SERVER", NOBODY)
    path = tmp_path / "default.duckdb"
    DuckStore(path).close()
    monkeypatch.setattr(reader, "default_store", lambda: path)
    monkeypatch.setattr("durascope_dashboard.temporal.opening.default_store", lambda: path)
    return path


def runs_in(path: Path) -> int:
    with DuckStore(path, read_only=True) as store:
        return int(store.query("store_info")["runs"][0].as_py())


def write(store: Path | None = None, server: str | None = None) -> None:
    """Write a run as `durascope import` does."""
    with opened_sink(store, server) as sink:
        sink.write_history([read_file(GOLDEN / "retried-1.json")])


def test_without_a_collector_the_default_store_is_read_and_written(default: Path) -> None:
    """Nothing was named, nothing runs."""
    write()
    assert runs_in(default) == 1
    connect().close()


def test_what_is_no_collector_is_passed_by(default: Path, foreign: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another server on the default port is not in the way; one that is named is said to be none."""
    monkeypatch.setattr(reader, "DEFAULT_SERVER", foreign)
    write(default)
    for store in (None, default):
        found = connect(store=store)
        assert found.query("store_info")["runs"].to_pylist() == [1]
        found.close()
    with pytest.raises(StoreUnavailable, match=f"what listens at {foreign} is not a Durascope collector"):
        connect(foreign)


@pytest.mark.parametrize("variable", [True, False])
def test_a_collector_that_wants_a_token_is_not_passed_by(
    default: Path, guarded: RunningCollector, monkeypatch: pytest.MonkeyPatch, variable: bool
) -> None:
    """Neither for reading nor for writing, or the store that it owns would be mistaken for the default one."""
    if variable:
        monkeypatch.setenv("DURASCOPE_SERVER", guarded.url)
    else:
        monkeypatch.setattr(reader, "DEFAULT_SERVER", guarded.url)
    for token in ("", "wrong"):
        monkeypatch.setenv("DURASCOPE_TOKEN", token)
        for ask in (connect, write):
            with pytest.raises(Refused, match="set DURASCOPE_TOKEN"):
                ask()
    assert runs_in(default) == 0
    write(store=default)  # named: this one is meant, and it is not in use
    assert runs_in(default) == 1
    monkeypatch.setenv("DURASCOPE_TOKEN", "s3cret")
    write()
    assert guarded.collector.ingest.counters.histories == 1


def test_a_server_in_the_environment_must_answer_who_writes(
    default: Path, foreign: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or what is meant for it ends up elsewhere; unless a store is named. Who reads goes on to the store."""
    for url in (NOBODY, foreign):
        monkeypatch.setenv("DURASCOPE_SERVER", url)
        with pytest.raises(StoreUnavailable, match=url):
            write()
        assert runs_in(default) == 0
        connect().close()
        write(store=tmp_path / "named.duckdb")
    assert runs_in(tmp_path / "named.duckdb") == 1


def test_a_name_that_is_not_the_collectors_is_told_with_its_own_sentence(running: RunningCollector) -> None:
    """Which says what to start it with."""
    asked = RemoteReader(running.url)
    asked._client.headers["Host"] = "collector.example"
    with pytest.raises(Refused, match=r"'collector\.example' is not a name of this collector.*--allow-host"):
        asked.health()
    asked.close()


@pytest.mark.parametrize(
    ("url", "token", "error", "says"),
    [
        ("http://[::1", None, UsageError, "is no collector's URL"),
        ("http://127.0.0.1:port", None, UsageError, "is no collector's URL"),
        ("127.0.0.1:4318", None, StoreUnavailable, "does not answer"),
        (NOBODY, "gehéim", UsageError, "use ASCII"),
        (NOBODY, "two\nlines", UsageError, "use ASCII"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, url: str, token: str | None, error: type[DurascopeError], says: str
) -> None:
    """A URL that is none, a token that no header carries."""
    monkeypatch.setenv("DURASCOPE_TOKEN", token or "")
    with pytest.raises(error, match=says) as raised:
        connect(url)
    assert "\n" not in str(raised.value) and "gehéim" not in str(raised.value)
