"""The DuckDB store keeps what it was given, once, and does no harm to a file that is not its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from durascope_dashboard.analysis.join import Evidence, Joined
from durascope_dashboard.exceptions import StoreIncompatible, StoreUnavailable
from durascope_dashboard.store import schema
from durascope_dashboard.store.duckdb_store import DuckStore
from tests.store.rows import RUN, T0, rows, run_rows


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with DuckStore(tmp_path / "store.duckdb") as opened:
        yield opened


def run_key() -> tuple[str, str, str]:
    return RUN["namespace"], RUN["workflow_id"], RUN["run_id"]


def attempt(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"activity_id": "1", "attempt": number, "status": "running", "source": "span"} | more


def test_every_table_of_the_schema_is_there(store: DuckStore) -> None:
    """With exactly its columns, in order."""
    for name, columns in schema.TABLES.items():
        assert store.sql(f"SELECT * FROM {name}").schema.names == columns.names


def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    """Rows, and the small values beside them."""
    path = tmp_path / "store.duckdb"
    with DuckStore(path) as store:
        store.append("runs", run_rows(3))
        store.set_meta("watermark:default", "7")
    with DuckStore(path) as store:
        assert store.query("store_info").to_pylist()[0]["runs"] == 3
        assert store.get_meta("watermark:default") == "7"
        assert store.get_meta("nothing") is None


@pytest.mark.parametrize("backwards", [False, True])
def test_attempts_upsert_on_their_key_in_any_order(store: DuckStore, backwards: bool) -> None:
    """An ended attempt replaces the begun one and never the other way round."""
    begun = rows("span_attempts", attempt(begun_only=True), attempt(2, begun_only=True))
    ended = rows("span_attempts", attempt(begun_only=False, status="ok", ended=T0))
    for batch in (ended, begun) if backwards else (begun, ended):
        store.upsert("span_attempts", batch)
    evidence = store.evidence_tables([run_key()])["span_attempts"].sort_by("attempt")
    found = evidence.select(["attempt", "status", "ended"]).to_pylist()
    assert found == [{"attempt": 1, "status": "ok", "ended": T0}, {"attempt": 2, "status": "running", "ended": None}]


def test_within_one_batch_the_last_of_equals_stands(store: DuckStore) -> None:
    """A batch may hold a key several times."""
    store.upsert("span_attempts", rows("span_attempts", *(attempt(begun_only=False, worker=str(i)) for i in range(5))))
    assert store.evidence_tables([run_key()])["span_attempts"]["worker"].to_pylist() == ["4"]


def test_an_observation_does_not_unsay_what_an_earlier_one_saw(store: DuckStore) -> None:
    """Describe shows a pending attempt's last start only for a while; the plan for the next retry may go away again."""
    store.upsert("observations", rows("observations", attempt(started=T0, worker="a", next_retry=5, observed=1)))
    store.upsert("observations", rows("observations", attempt(status="pending", observed=2)))
    found = store.sql("SELECT status, started, worker, next_retry, observed FROM observations").to_pylist()
    assert found == [{"status": "pending", "started": T0, "worker": "a", "next_retry": None, "observed": 2}]


def test_a_failed_write_leaves_nothing_behind(store: DuckStore) -> None:
    """One transaction for all tables: none of the rows, and the store goes on."""
    bad = run_rows(1).drop_columns("status")
    with pytest.raises(KeyError):
        store.write({"observations": rows("observations", attempt()), "runs": bad})
    assert store.sql("SELECT count(*) AS n FROM observations")["n"].to_pylist() == [0]
    store.append("runs", run_rows(1))


def test_evidence_is_that_of_the_runs_asked_about(store: DuckStore) -> None:
    """Spans with their duplicates, in order of arrival; frames exactly as the schema says, also when empty."""
    span = {"trace_id": "t", "span_id": "s", "start": T0, "received": T0}
    store.append("spans", rows("spans", {**span, "seq": 1}, {**span, "seq": 0}, {**span, "run_id": "x", "seq": 2}))
    evidence = store.evidence([run_key()])
    assert evidence.spans["seq"].tolist() == [0, 1]
    for name in Evidence.__dataclass_fields__:
        frame = getattr(evidence, name)
        assert list(frame.columns) == schema.TABLES[name].names
    assert str(evidence.spans["end"].dtype) == "Int64"


def test_replace_runs_puts_new_rows_in_place_of_the_old(store: DuckStore) -> None:
    """Of these runs only; an operation that is gone is gone."""
    from durascope_dashboard.analysis.frames import empty_frame, from_arrow

    store.append("runs", run_rows(3))
    operation = {"operation_id": "activity:1", "kind": "model", "scheduled": T0}
    store.append(
        "operations", rows("operations", *({**operation, "workflow_id": f"w{i}", "run_id": f"r{i}"} for i in range(3)))
    )
    again = from_arrow(run_rows(1, status="failed"), "runs")
    store.replace_runs(Joined(again, empty_frame("operations"), empty_frame("attempts")))
    found = store.query("runs", order="started", descending=False).to_pylist()
    assert [row["status"] for row in found] == ["failed", "completed", "completed"]
    assert store.query("store_info")["operations"].to_pylist() == [2]


def test_a_damaged_file_is_one_sentence_and_untouched(tmp_path: Path) -> None:
    """Not a byte, and not its time of change."""
    path = tmp_path / "store.duckdb"
    path.write_bytes(os.urandom(10_000))
    before = path.read_bytes(), path.stat().st_mtime_ns
    with pytest.raises(StoreUnavailable, match="cannot be read as a DuckDB file") as error:
        DuckStore(path)
    assert "\n" not in str(error.value)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [p.name for p in tmp_path.iterdir()] == ["store.duckdb"]


def test_a_newer_store_is_one_sentence_and_untouched(tmp_path: Path) -> None:
    """It names both versions."""
    path = tmp_path / "store.duckdb"
    DuckStore(path).close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE meta SET value = '999' WHERE key = 'schema_version'")
    before = path.read_bytes()
    with pytest.raises(StoreIncompatible, match="has schema version 999 and this Durascope reads up to"):
        DuckStore(path)
    assert path.read_bytes() == before


def test_someone_elses_database_is_not_ours(tmp_path: Path) -> None:
    """A DuckDB file with other tables gets none of ours."""
    path = tmp_path / "other.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE mine (x INTEGER)")
    before = path.read_bytes()
    with pytest.raises(StoreIncompatible, match="not a Durascope store"):
        DuckStore(path)
    assert path.read_bytes() == before
    with pytest.raises(StoreUnavailable, match="is a folder"):
        DuckStore(tmp_path)
    with pytest.raises(StoreUnavailable, match="no store at"):
        DuckStore(tmp_path / "none.duckdb", read_only=True)


def test_committed_rows_survive_a_kill(tmp_path: Path) -> None:
    """SIGKILL right after the commit, before any checkpoint."""
    path = tmp_path / "store.duckdb"
    code = (
        "import os, signal, sys; from tests.store.rows import run_rows\n"
        "from durascope_dashboard.store.duckdb_store import DuckStore\n"
        "store = DuckStore(sys.argv[1]); store.append('runs', run_rows(100)); os.kill(os.getpid(), signal.SIGKILL)"
    )
    process = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert process.returncode == -9
    with DuckStore(path) as store:
        assert store.query("store_info")["runs"].to_pylist() == [100]


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """And closing twice is nothing."""
    store = DuckStore(tmp_path / "store.duckdb")
    store.close()
    store.close()
    with pytest.raises(StoreUnavailable, match="has been closed"):
        store.query("runs")
