"""The ClickHouse store: made once by many, brought up to date, refused in one sentence; what it does not show."""

import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from durascope_dashboard import launch
from durascope_dashboard.cli import main
from durascope_dashboard.exceptions import StoreIncompatible, StoreUnavailable, UsageError
from durascope_dashboard.reader import connect
from durascope_dashboard.store import clickhouse_store, schema
from durascope_dashboard.store.clickhouse import client as clickhouse_client
from durascope_dashboard.store.clickhouse import ddl, preparing
from durascope_dashboard.store.clickhouse import rows as packing
from durascope_dashboard.store.clickhouse_store import ClickHouseStore
from durascope_dashboard.store.location import ClickHouseUrl, parse_location, secret_text
from durascope_dashboard.store.queries.named import NamedQuery, Prepared
from tests.store.rows import rows, run_rows

SECRET = "s3cr€t/@:?"
URL = "clickhouse://agent:s3cr%E2%82%ACt%2F%40%3A%3F@127.0.0.1:1/fleet"


@pytest.fixture
def client(clickhouse_url: ClickHouseUrl) -> Any:
    opened = clickhouse_client.connect(clickhouse_url, create=True)
    yield opened
    opened.close()


def test_several_may_make_it_at_once(clickhouse_url: ClickHouseUrl) -> None:
    """Collectors that start together on an empty database find one store."""
    errors: list[BaseException] = []

    def start(number: int) -> None:
        try:
            with ClickHouseStore(clickhouse_url) as store:
                store.append("runs", run_rows(1, run_id=f"by-{number}"))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=start, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    with ClickHouseStore(clickhouse_url, read_only=True) as store:
        assert store.query("store_info")["runs"].to_pylist() == [3]


def test_a_query_that_takes_too_long_is_ended(clickhouse_url: ClickHouseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the server, with one sentence; the next one is answered, and another error is told as itself."""
    with ClickHouseStore(clickhouse_url) as store:
        with monkeypatch.context() as patch:
            patch.setattr(clickhouse_store, "QUERY_LIMIT_S", 0.2)
            endless = "SELECT count() AS n FROM numbers(1000000000000) WHERE number % 7 = 8"
            patch.setattr(NamedQuery, "prepared", lambda *_: Prepared(endless, {}, pa.schema([("n", pa.int64())])))
            with pytest.raises(StoreUnavailable, match=r"^the query 'runs' took longer than 0 s and was ended"):
                store.query("runs")
            patch.setattr(NamedQuery, "prepared", lambda *_: Prepared("SELECT nothing", {}, pa.schema([])))
            with pytest.raises(StoreUnavailable, match="refused or did not answer"):
                store.query("runs")
        assert store.query("runs").num_rows == 0


def test_a_store_of_the_present_shape_is_opened_without_a_statement(
    clickhouse_url: ClickHouseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a digest in the database says."""
    ClickHouseStore(clickhouse_url).close()
    made = preparing.shape()
    monkeypatch.setattr(preparing, "statements", lambda present: pytest.fail("made again") if present else iter(()))
    monkeypatch.setattr(preparing, "shape", lambda: made)
    ClickHouseStore(clickhouse_url).close()


def test_an_older_store_gets_what_it_lacks_and_keeps_its_rows(clickhouse_url: ClickHouseUrl, client: Any) -> None:
    """New columns are null in old rows, in tables of single rows and of packed ones; what arrives goes on arriving."""
    with ClickHouseStore(clickhouse_url) as store:
        store.append("runs", run_rows(2, spark="[1]"))
        store.append("operations", rows("operations", {"operation_id": "a", "detail": "x"}))
    client.command("ALTER TABLE runs_stored DROP COLUMN spark")
    client.command("ALTER TABLE operations_stored DROP COLUMN `r.detail`")
    client.command("INSERT INTO meta_stored SELECT 'shape', 'older', toUnixTimestamp64Micro(now64(6))")
    with pytest.raises(StoreIncompatible, match="store upgrade --store URL"):
        ClickHouseStore(clickhouse_url, read_only=True)
    with ClickHouseStore(clickhouse_url) as store:
        assert store.query("runs")["spark"].to_pylist() == [None, None]
        assert store.query("operations", workflow_id="w").to_pylist()[0]["detail"] is None
        store.append("runs", run_rows(1, spark="[2]"))
        store.append("observations", rows("observations", {"activity_id": "1", "attempt": 1, "status": "running"}))
        assert sorted(store.query("runs")["spark"].to_pylist(), key=str) == [None, "[2]"]
        assert store.sql("SELECT status FROM observations")["status"].to_pylist() == ["running"]


def test_a_newer_store_and_someone_elses_are_left_alone(clickhouse_url: ClickHouseUrl, client: Any) -> None:
    """In one sentence that says what was found."""
    with pytest.raises(StoreUnavailable, match=f"no Durascope store at {clickhouse_url}".replace("?", r"\?")):
        connect(store=clickhouse_url)
    client.command("CREATE TABLE spans (mine Int64) ENGINE = MergeTree ORDER BY mine")
    with pytest.raises(StoreIncompatible, match=r"no Durascope store at .*; start one, in a database of its own"):
        ClickHouseStore(clickhouse_url)
    assert client.query_arrow("SHOW TABLES").num_rows == 1
    client.command("DROP TABLE spans")
    ClickHouseStore(clickhouse_url).close()
    client.command("INSERT INTO meta_stored SELECT 'schema_version', '999', toUnixTimestamp64Micro(now64(6))")
    with pytest.raises(StoreIncompatible, match="has schema version 999 and this Durascope reads up to"):
        ClickHouseStore(clickhouse_url)


def test_an_exporter_that_was_there_first_keeps_its_table(clickhouse_url: ClickHouseUrl, client: Any) -> None:
    """The OpenTelemetry Collector may make the database and its table before any collector of ours starts."""
    from durascope_dashboard.store.clickhouse.otel import OTEL_TRACES

    client.command(OTEL_TRACES.replace("PARTITION BY toDate(Timestamp)", "PARTITION BY toYYYYMM(Timestamp)"))
    ClickHouseStore(clickhouse_url).close()
    made = client.query_arrow("SELECT partition_key AS key FROM system.tables WHERE name = 'otel_traces' AND "
                              "database = currentDatabase()")  # fmt: skip
    assert made["key"].to_pylist() == ["toYYYYMM(Timestamp)"]


def test_what_was_replaced_is_gone_once_merged(clickhouse_url: ClickHouseUrl, client: Any) -> None:
    """Rows as stored: one for each run, of its newest generation."""
    with ClickHouseStore(clickhouse_url) as store:
        for count in (5, 3):
            found = rows("operations", *({"operation_id": f"{n}"} for n in range(count)))
            store.replace(found.select(schema.RUN_KEY).slice(0, 1), {"operations": found})
        for _ in range(2):
            assert store.sql("SELECT operation_id FROM operations ORDER BY operation_id").num_rows == 3
            store.merge("operations")
        assert client.query_arrow("SELECT count() AS n FROM operations_stored")["n"].to_pylist() == [1]


def test_a_question_about_a_run_reads_no_other_runs(clickhouse_url: ClickHouseUrl, client: Any) -> None:
    """The run key bounds what is read, also behind a view over arrays."""
    with ClickHouseStore(clickhouse_url) as store:
        keys = [{"workflow_id": f"w{n:05}", "run_id": f"r{n}", "operation_id": "a"} for n in range(30_000)]
        store.append("operations", rows("operations", *keys))
        store.merge("operations")
    plan = client.query_arrow("EXPLAIN indexes = 1 SELECT name FROM operations WHERE workflow_id = 'w00007'")
    granules = [line for line in plan["explain"].to_pylist() if "Granules" in line]
    read, whole = granules[-1].split(":")[1].split("/")
    assert int(read) == 1 < int(whole)


@pytest.mark.parametrize("name", ["it's", "a\\", "\\'; DROP TABLE runs_stored; --", "\n\t\0", "ü🎈", ""])
def test_a_run_of_any_name_is_taken_out_alone(clickhouse_url: ClickHouseUrl, name: str) -> None:
    """Whatever is in its id."""
    with ClickHouseStore(clickhouse_url) as store:
        store.append("runs", run_rows(2))
        odd = run_rows(1, workflow_id=name)
        store.append("runs", odd)
        assert store.closed_runs([("default", name, "r0")]) == set()
        store.replace(odd.select(schema.RUN_KEY), {"runs": None})
        assert store.query("runs")["workflow_id"].to_pylist() == ["w1", "w0"]


def test_packing_keeps_rows_with_their_run() -> None:
    """In their order; a run without rows gets empty lists."""
    runs = pa.table({"namespace": ["d"] * 3, "workflow_id": ["a", "b", "c"], "run_id": ["1", "2", "3"]})
    given = [("c", "3", "x"), ("a", "1", "y"), ("c", "3", "z")]
    table = rows("operations", *({"namespace": "d", "workflow_id": w, "run_id": r, "name": n} for w, r, n in given))
    assert packing.packed("operations", runs, table)["r.name"].to_pylist() == [["y"], [], ["x", "z"]]


def test_columns_of_packed_tables_are_lists_of_the_schemas_types() -> None:
    """Every column that may be unknown is nullable."""
    for table in ddl.PACKED:
        kinds = ddl.stored_columns(table)
        lists = {name: kind for name, kind in kinds.items() if name.startswith("`r.")}
        assert len(lists) == len(schema.TABLES[table]) - len(schema.RUN_KEY)
        assert all("Nullable" in kind for kind in lists.values())


# -- URLs and their passwords ---------------------------------------------------------------------------------------


def test_a_url_says_where_the_store_is() -> None:
    """Defaults as ClickHouse has them."""
    found = parse_location("clickhouse://localhost")
    assert isinstance(found, ClickHouseUrl)
    assert (found.port, found.database, found.user, found.password) == (8123, "durascope", None, None)
    secure = parse_location("clickhouses://h/x?verify=false&connect_timeout=3")
    assert str(secure) == "clickhouses://h:8443/x?connect_timeout=3&verify=false"
    assert str(parse_location("chdb:///a/b?database=x")) == "chdb:///a/b?database=x"
    assert parse_location("some/file.duckdb") == Path("some/file.duckdb")


def test_user_and_password_may_be_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the names that clickhouse-client reads."""
    monkeypatch.setenv("CLICKHOUSE_USER", "agent")
    monkeypatch.setenv("CLICKHOUSE_PASSWORD", SECRET)
    found = parse_location("clickhouse://h")
    assert isinstance(found, ClickHouseUrl) and (found.user, found.password) == ("agent", SECRET)
    assert secret_text(found).startswith("clickhouse://agent:") and SECRET not in str(found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("postgres://h/d", "a store of the kind postgres:// is not known"),
        ("clickhouse://", "it names no host"),
        ("clickhouse://h:many/d", "its port is not a number"),
        ("clickhouse://h/a-b", "'a-b' is no name of a database"),
        ("clickhouse://h/d?colour=1", "it has the option 'colour'; there are: verify, ca_cert"),
        ("chdb://relative/x", "three slashes"),
        ("chdb:///x?y=1", "it has the option 'y'"),
        (f"clickhouse://agent:{SECRET}@h:x/d", "percent-encoded"),
    ],
)
def test_a_url_that_cannot_be_read_is_one_sentence(text: str, message: str) -> None:
    """Which never repeats a password."""
    with pytest.raises(UsageError, match=message) as error:
        parse_location(text)
    assert SECRET not in str(error.value) and "s3cr" not in str(error.value)


def test_children_are_not_told_the_password_on_their_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everyone on the machine can read that: it goes through the environment."""
    told: list[str] = []

    def run_up(collect: list[str], *others: Any) -> int:
        told.extend(collect)
        return 0

    monkeypatch.setattr("durascope_dashboard.up.run_up", run_up)
    monkeypatch.setenv("DURASCOPE_STORE", "none")
    assert main(["up", "--store", URL]) == 0
    assert told and not any("s3cr" in word or "clickhouse" in word for word in told)
    assert parse_location(os.environ["DURASCOPE_STORE"]) == parse_location(URL)
    assert launch.environment(None, parse_location(URL))["DURASCOPE_STORE"] == os.environ["DURASCOPE_STORE"]
    assert not any("s3cr" in word for word in launch.command(1))


@pytest.mark.parametrize(
    ("text", "package", "step"),
    [
        (URL, "clickhouse_connect", r"pip install 'durascope\[clickhouse\]'"),
        ("chdb:///nowhere/at/all", "chdb", "pip install chdb"),
    ],
)
def test_a_package_that_is_missing_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, text: str, package: str, step: str
) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(StoreUnavailable, match=step) as error:
        connect(store=text)
    assert "s3cr" not in str(error.value)


def test_a_password_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    """Not in text, not in an error of a server that does not answer, not in a log; only to the server itself."""
    url = parse_location(URL)
    assert isinstance(url, ClickHouseUrl) and url.password == SECRET
    with caplog.at_level(logging.DEBUG), pytest.raises(StoreUnavailable, match="did not answer") as error:
        connect(store=url)
    chain: list[BaseException | None] = [error.value, error.value.__cause__, error.value.__context__]
    shown = [str(url), repr(url), f"{url}", caplog.text, *map(repr, chain), *map(str, chain)]
    assert not any("s3cr" in text for text in shown)
    assert "clickhouse://agent:***@127.0.0.1:1/fleet" in str(error.value)
    assert parse_location(secret_text(url)) == url
