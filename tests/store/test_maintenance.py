"""A store as a whole: migrated, thinned out, rewritten, exported and imported, with every row accounted for."""

import random
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from durascope_dashboard.exceptions import StoreIncompatible, StoreLocked, StoreUnavailable, UsageError
from durascope_dashboard.store import maintenance, migrations, retention, schema
from durascope_dashboard.store.duckdb_store import DuckStore
from durascope_dashboard.store.engine import Store
from durascope_dashboard.store.location import Location, open_store
from durascope_dashboard.store.retention import drop_before, drop_oldest
from tests.store.rows import T0, rows, run_rows

SECOND = 1_000_000


def fill(store: Store, count: int = 10) -> None:
    """Runs that close one after another, each with a span and an attempt; and one that is open and older than all."""
    store.append("runs", run_rows(count))
    keys = [{"workflow_id": f"w{i}", "run_id": f"r{i}"} for i in range(count)]
    span = {"trace_id": "t", "start": T0, "received": T0, "attributes": '{"a":1}' * 50}
    store.append("spans", rows("spans", *(key | span | {"span_id": f"s{i}", "seq": i} for i, key in enumerate(keys))))
    attempt = {"activity_id": "1", "attempt": 1, "begun_only": False}
    store.append("span_attempts", rows("span_attempts", *(key | attempt for key in keys)))
    store.append("history_runs", rows("history_runs", *(key | {"from_history": True} for key in keys)))
    is_open = {"workflow_id": "open", "run_id": "o", "status": "running", "started": 1, "from_history": True}
    store.append("runs", rows("runs", is_open))


def counts(store: Store) -> dict[str, int]:
    return {t: store.sql(f"SELECT count(*) AS n FROM {t}")["n"][0].as_py() for t in schema.TABLES}


def old_store(path: Path, *, without: tuple[str, str] = ("runs", "spark")) -> None:
    """A store of version 1 as it was before a column and a table were added."""
    with DuckStore(path) as store:
        fill(store)
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"ALTER TABLE {without[0]} DROP COLUMN {without[1]}")
        connection.execute("DROP TABLE history_waits")


def test_an_older_store_is_brought_up_to_date_with_every_row(tmp_path: Path) -> None:
    """New columns are null in old rows, and new rows can be written beside them."""
    path = tmp_path / "store.duckdb"
    old_store(path)
    with pytest.raises(StoreIncompatible, match="durascope store upgrade"):
        DuckStore(path, read_only=True)
    with DuckStore(path) as store:
        assert counts(store)["runs"] == 11 and counts(store)["history_waits"] == 0
        store.append("runs", run_rows(1, run_id="new", spark="[1]"))
        sparks = store.sql("SELECT spark FROM runs")["spark"].to_pylist()
        assert sparks.count(None) == 11 and sparks.count("[1]") == 1
    DuckStore(path, read_only=True).close()


def test_a_step_between_versions_runs_once_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that fails leaves the file at its old version, whole."""
    path = tmp_path / "store.duckdb"
    with DuckStore(path) as store:
        fill(store)
    monkeypatch.setattr(schema, "SCHEMA_VERSION", 2)
    monkeypatch.setattr(migrations, "STEPS", {2: ("UPDATE runs SET task_queue = 'moved'", "SELECT nonsense")})
    with pytest.raises(duckdb.Error):
        DuckStore(path)
    monkeypatch.setattr(migrations, "STEPS", {2: ("UPDATE runs SET retries = coalesce(retries, 0) + 100",)})
    for _ in range(2):
        with DuckStore(path) as store:
            found = store.sql("SELECT min(retries) AS low, max(retries) AS high FROM runs").to_pylist()[0]
            assert (found["low"], found["high"]) == (100, 102)
            assert store.query("store_info")["schema_version"].to_pylist() == [2]
            assert store.sql("SELECT count(*) AS n FROM runs WHERE task_queue = 'moved'")["n"].to_pylist() == [0]
    monkeypatch.setattr(schema, "SCHEMA_VERSION", 1)
    with pytest.raises(StoreIncompatible, match="has schema version 2 and this Durascope reads up to 1"):
        DuckStore(path)


def test_old_runs_go_with_everything_told_of_them(location: Location) -> None:
    """By when they closed; what Temporal says is open stays, however old; spans of no run go by when they came."""
    with open_store(location) as store:
        fill(store)
        nobodys = {"workflow_id": "", "run_id": "", "trace_id": "t", "span_id": "x", "start": T0}
        store.append(
            "spans", rows("spans", nobodys | {"received": T0, "seq": 90}, nobodys | {"received": T0 * 2, "seq": 91})
        )
        assert drop_before(store, T0 + 4 * SECOND) == 4
        left = counts(store)
        assert (left["runs"], left["spans"], left["span_attempts"], left["history_runs"]) == (7, 7, 6, 6)
        assert store.query("run", workflow_id="open").num_rows == 1
        assert store.query("runs", order="started", descending=False)["workflow_id"].to_pylist()[1] == "w4"
        assert drop_before(store, T0 + 4 * SECOND) == 0


def test_a_run_whose_end_nobody_told_goes_when_nothing_is_heard_of_it(location: Location) -> None:
    """By the newest span, attempt or observation, not by when it was joined last. One that Temporal tells of stays."""
    heard, since = {"trace_id": "t", "span_id": "s", "start": T0, "seq": 1}, T0 + 10 * SECOND
    names = ("silent", "span", "attempt", "observed", "sleeping")
    with open_store(location) as store:
        keys = {name: {"workflow_id": name, "run_id": name} for name in names}
        is_open = {"status": "running", "started": T0, "updated": T0 + 20 * SECOND}
        told = {"sleeping": {"from_history": True}}
        store.append("runs", rows("runs", *(keys[name] | is_open | told.get(name, {}) for name in names)))
        store.append("spans", rows("spans", keys["silent"] | heard | {"received": T0},
                                   keys["span"] | heard | {"received": since}))  # fmt: skip
        attempt = {"activity_id": "1", "attempt": 1, "status": "running", "begun_only": True}
        store.append("span_attempts", rows("span_attempts", keys["silent"] | attempt | {"started": T0},
                                           keys["attempt"] | attempt | {"started": since}))  # fmt: skip
        observed = {"activity_id": "1", "attempt": 1, "status": "running", "observed": since}
        store.append("observations", rows("observations", keys["observed"] | observed))
        assert drop_before(store, since) == 1
        left = counts(store)
        assert (left["runs"], left["spans"], left["span_attempts"]) == (4, 1, 1)
        assert store.query("run", workflow_id="silent").num_rows == 0


def noise(number: int) -> str:
    """A kilobyte that no engine can make smaller."""
    return random.Random(number).randbytes(500).hex()


def span_rows(numbers: range, **more: Any) -> pa.Table:
    """Large spans, each of the run of its number."""
    return rows("spans", *({"workflow_id": f"w{i}", "run_id": f"r{i}", "trace_id": str(i), "span_id": str(i),
                            "start": T0, "received": T0 + i, "seq": i, "attributes": noise(i)} | more
                           for i in numbers))  # fmt: skip


def written(store: Store, table: str, parts: Iterable[pa.Table]) -> int:
    """Write them, each by itself; what the store takes then."""
    for part in parts:
        store.append(table, part)
        store.checkpoint()
    return sum(store.live_bytes().values())


def test_above_a_size_the_oldest_go_first(location: Location) -> None:
    """As many as it takes and no more, also where the engine gives no block back yet."""
    with open_store(location) as store:
        store.append("runs", run_rows(2000))
        size = written(store, "spans", (span_rows(range(i, i + 500)) for i in range(0, 2000, 500)))
        dropped = drop_oldest(store, size * 2 // 3)
        while more := drop_oldest(store, size * 2 // 3):  # a minute later: the first estimate was a little short
            dropped += more
        assert 400 < dropped < 1000 and sum(store.live_bytes().values()) <= size * 2 // 3
        assert store.query("runs", order="closed", descending=False, limit=1)["workflow_id"].to_pylist() == [
            f"w{dropped}"
        ]
        assert drop_oldest(store, size * 3 // 4) == 0


def test_a_store_of_histories_alone_loses_no_more_than_the_surplus(location: Location) -> None:
    """Where there is no span it is the other tables that tell how much has gone."""
    with open_store(location) as store:
        store.append("runs", run_rows(2000))
        operations = (
            rows("history_operations", *({"workflow_id": f"w{i}", "run_id": f"r{i}", "operation_id": "o",
                                          "kind": "activity", "detail": noise(i)} for i in range(first, first + 500)))
            for first in range(0, 2000, 500)
        )  # fmt: skip
        size = written(store, "history_operations", operations)
        assert 150 < drop_oldest(store, size * 9 // 10) < 250
        assert 0.85 < sum(store.live_bytes().values()) / size < 0.92


def test_spans_of_no_run_go_before_any_run(location: Location) -> None:
    """Those that came first, and only as many as it takes."""
    with open_store(location) as store:
        store.append("runs", run_rows(100))
        store.append("spans", span_rows(range(100)))
        strays = (span_rows(range(i, i + 500), workflow_id="", run_id="") for i in range(100, 2100, 500))
        size = written(store, "spans", strays)
        assert drop_oldest(store, size // 2) == 0
        left = store.sql("SELECT run_id = '' AS stray, count(*) AS n, min(seq) AS first FROM spans GROUP BY stray")
        runs, stray = sorted(left.to_pylist(), key=lambda row: bool(row["stray"]))
        assert runs["n"] == 100 and 700 < stray["n"] < 1150 and stray["first"] == 2100 - stray["n"]
        assert sum(store.live_bytes().values()) < size * 0.7


def test_what_takes_no_space_is_not_taken_out_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An estimate that does not follow what is taken out ends it after a step."""
    monkeypatch.setattr(retention, "RUNS_PER_STEP", 10)
    with DuckStore(tmp_path / "store.duckdb") as store:
        store.append("runs", run_rows(100))
        store.checkpoint()
        monkeypatch.setattr(store, "live_bytes", lambda: {"spans": 0, "runs": 1_000_000})
        assert drop_oldest(store, 500_000) == 10


def test_vacuum_keeps_every_row_and_gives_space_back(tmp_path: Path) -> None:
    """Also small values, and the order in which spans came; nothing is left beside the file."""
    path = tmp_path / "store.duckdb"
    with DuckStore(path) as store:
        fill(store)
        store.set_meta("watermark:default", "7")
        before = {t: store.sql(f"SELECT * FROM {t}").to_pylist() for t in schema.TABLES}
    was, now = maintenance.vacuum(path)
    assert was > 0 and now > 0
    assert [item.name for item in tmp_path.iterdir()] == ["store.duckdb"]
    with DuckStore(path) as store:
        assert {t: store.sql(f"SELECT * FROM {t}").to_pylist() for t in schema.TABLES} == before
        assert store.get_meta("watermark:default") == "7"
        store.append("runs", run_rows(1, run_id="after"))


def test_an_export_comes_back_whole_and_only_once(tmp_path: Path) -> None:
    """Into an empty store as it was; a second time nothing is new; into another store beside what is there."""
    path, folder = tmp_path / "store.duckdb", tmp_path / "out's"
    with DuckStore(path) as store:
        fill(store)
        before = counts(store)
    assert dict(maintenance.export(path, folder)) == before
    with pytest.raises(UsageError, match="is not empty"):
        list(maintenance.export(path, folder))
    other = tmp_path / "other.duckdb"
    assert dict(maintenance.import_(other, folder)) == before
    again = dict(maintenance.import_(other, folder))
    assert again == dict.fromkeys(schema.TABLES, 0)
    with DuckStore(other) as store:
        left = counts(store)
        assert (left["spans"], left["span_attempts"], left["history_runs"]) == (10, 10, 10)
        assert store.sql("SELECT count(DISTINCT seq) AS n FROM spans")["n"].to_pylist() == [10]


def test_what_is_no_export_is_one_sentence(tmp_path: Path) -> None:
    """No manifest, a broken one, one of a newer version; no store to vacuum."""
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(StoreUnavailable, match="holds no store export"):
        list(maintenance.import_(tmp_path / "s.duckdb", folder))
    (folder / maintenance.MANIFEST).write_text("{")
    with pytest.raises(StoreIncompatible, match="cannot be read"):
        list(maintenance.import_(tmp_path / "s.duckdb", folder))
    (folder / maintenance.MANIFEST).write_text('{"schema_version": 999}')
    with pytest.raises(StoreIncompatible, match="upgrade Durascope"):
        list(maintenance.import_(tmp_path / "s.duckdb", folder))
    with pytest.raises(StoreUnavailable, match="there is no store"):
        maintenance.vacuum(tmp_path / "none.duckdb")


def test_a_store_in_use_is_left_alone(tmp_path: Path) -> None:
    """Vacuum needs the file to itself: beside a running collector it says whose it is."""
    path = tmp_path / "store.duckdb"
    code = "import sys; from durascope_dashboard.store.duckdb_store import DuckStore\n"
    code += "s = DuckStore(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    holder: Any = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(StoreLocked, match=f"in use by process {holder.pid}"):
            maintenance.vacuum(path)
    finally:
        holder.communicate(timeout=30)


def test_an_export_with_a_damaged_table_is_one_sentence(tmp_path: Path) -> None:
    """It names the file in the folder, not the store."""
    path, folder = tmp_path / "store.duckdb", tmp_path / "export"
    DuckStore(path).close()
    list(maintenance.export(path, folder))
    (folder / "spans.parquet").write_bytes(b"no parquet at all")
    with pytest.raises(StoreIncompatible, match=r"spans\.parquet cannot be read .*; export the store again") as error:
        list(maintenance.import_(path, folder))
    assert "\n" not in str(error.value)
