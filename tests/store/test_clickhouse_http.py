"""The way to a ClickHouse server: HTTP, a user with a password, a database to be made, errors as it says them."""

import logging
from collections.abc import Iterator

import httpx
import pytest

from durascope_dashboard.exceptions import StoreUnavailable
from durascope_dashboard.reader import connect
from durascope_dashboard.store.clickhouse_store import ClickHouseStore
from durascope_dashboard.store.location import ClickHouseUrl, parse_location
from tests.clickhouse import Engine
from tests.clickhouse_http import HttpEngine
from tests.collector.running import RunningCollector, until
from tests.collector.spans import RUN, attempt_span, request
from tests.store.rows import run_rows

SECRET = "s3cr€t/@:?"


@pytest.fixture
def server(clickhouse_engine: Engine) -> Iterator[HttpEngine]:
    with HttpEngine(clickhouse_engine.folder, "agent", SECRET).serving() as serving:
        yield serving
        clickhouse_engine.client.command("DROP DATABASE IF EXISTS over_http")


def url(server: HttpEngine, **more: str) -> ClickHouseUrl:
    found = parse_location(f"clickhouse://agent:{more.get('password', 's3cr%E2%82%ACt%2F%40%3A%3F')}@127.0.0.1:"
                           f"{server.port}/over_http?send_receive_timeout=60")  # fmt: skip
    assert isinstance(found, ClickHouseUrl)
    return found


def send(to: RunningCollector, attempt: int) -> int:
    body, kind = request(attempt_span(attempt=attempt)), {"Content-Type": "application/x-protobuf"}
    return httpx.post(f"{to.url}/v1/traces", content=body, headers=kind, timeout=60).status_code


def test_a_store_is_made_and_read_over_http(server: HttpEngine) -> None:
    """Database, tables, rows, questions with awkward values, many keys at once; the password is in no URL."""
    with ClickHouseStore(url(server)) as store:
        store.append("runs", run_rows(30, failure_message="it's \\ 100%\n"))
        store.set_meta("watermark:default", "7")
        assert store.query("runs", workflow_id=["w3", "'; DROP TABLE runs; --\\"])["run_id"].to_pylist() == ["r3"]
        assert store.query("run", workflow_id="w3")["failure_message"].to_pylist() == ["it's \\ 100%\n"]
        assert store.query("run", workflow_id="it's \\ \n\t").num_rows == 0
        keys = [("default", f"w{n}" + "x" * 40, f"r{n}") for n in range(3000)]
        assert store.evidence_tables(keys)["spans"].num_rows == 0
        store.replace(run_rows(10).select(["namespace", "workflow_id", "run_id"]), {"runs": None})
        assert store.query("store_info")["runs"].to_pylist() == [20]
    reader = connect(store=url(server))
    assert reader.query("runs", limit=1)["workflow_id"].to_pylist() == ["w29"]
    assert SECRET not in str(reader.health()) and "***" in reader.health()["store"]
    reader.close()
    assert server.seen and not any("s3cr" in path for path in server.seen)


def test_a_collector_writes_over_http(server: HttpEngine) -> None:
    """Spans in by OTLP, a joined run out."""
    with RunningCollector(url(server)) as running:
        assert send(running, 1) == 200
        until(lambda: running.reader.query("run", workflow_id=RUN.workflow_id)["attempts"].to_pylist() == [1], "a run")
        assert "s3cr" not in str(running.reader.health())


def test_while_the_server_is_away_senders_are_told_to_come_again(
    server: HttpEngine, caplog: pytest.LogCaptureFixture
) -> None:
    """503 for spans, one sentence for readers; with the server back it goes on by itself, and nothing is missing."""
    with RunningCollector(url(server)) as running, caplog.at_level(logging.CRITICAL):
        assert send(running, 1) == 200
        server.down = True
        assert send(running, 2) == 503
        with pytest.raises(StoreUnavailable, match="did not answer"):
            running.reader.query("runs")
        server.down = False
        assert send(running, 2) == 200
        until(lambda: running.reader.query("run", workflow_id=RUN.workflow_id)["attempts"].to_pylist() == [2], "a run")


def test_what_a_server_says_is_told_in_one_sentence(server: HttpEngine, caplog: pytest.LogCaptureFixture) -> None:
    """A wrong password, and a database that is not there."""
    with caplog.at_level(logging.DEBUG):
        with pytest.raises(StoreUnavailable, match="Authentication failed") as error:
            ClickHouseStore(url(server, password="wr0ng"))
        with pytest.raises(StoreUnavailable, match=r"UNKNOWN_DATABASE|does not exist"):
            connect(store=url(server))
    assert "wr0ng" not in str(error.value) and "wr0ng" not in caplog.text and "\n" not in str(error.value)
