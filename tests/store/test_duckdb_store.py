"""The DuckDB store commits as a whole, and does no harm to a file that is not its own."""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from durascope_dashboard.exceptions import StoreIncompatible, StoreUnavailable
from durascope_dashboard.store import maintenance, schema
from durascope_dashboard.store.duckdb_store import DuckStore
from tests.store.rows import rows, run_rows


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    """One transaction for all tables: none of the rows, and the store goes on."""
    bad = run_rows(1).drop_columns("status")
    seen = rows("observations", {"activity_id": "1", "attempt": 1})
    with DuckStore(tmp_path / "store.duckdb") as store:
        with pytest.raises(KeyError):
            store.write({"observations": seen, "runs": bad})
        assert store.sql("SELECT count(*) AS n FROM observations")["n"].to_pylist() == [0]
        store.append("runs", run_rows(1))


def test_evidence_does_not_wait_for_what_was_joined(tmp_path: Path) -> None:
    """They are written beside each other; what touches both, as retention does, waits for both."""
    with DuckStore(tmp_path / "store.duckdb") as store, ThreadPoolExecutor(1) as other:
        with store._writing(["runs", "operations", "attempts"]) as connection:
            connection.execute("DELETE FROM runs")
            other.submit(store.append, "observations", rows("observations", {"activity_id": "1", "attempt": 1})).result(
                5
            )
            both = other.submit(store.replace, run_rows(1).select(schema.RUN_KEY), {"spans": None, "runs": None})
            with pytest.raises(TimeoutError):
                both.result(0.2)
        both.result(5)
        assert store.sql("SELECT count(*) AS n FROM observations")["n"].to_pylist() == [1]


def test_a_checkpoint_is_never_refused(tmp_path: Path) -> None:
    """DuckDB refuses one beside an update: it waits for those, and evidence is written meanwhile."""
    with DuckStore(tmp_path / "store.duckdb") as store, ThreadPoolExecutor(2) as others:

        def mark() -> None:
            for number in range(300):
                store.set_meta("seq", str(number))

        def write() -> None:
            for _ in range(50):
                store.append("runs", run_rows(50))

        works = [others.submit(work) for work in (mark, write)]
        while not all(work.done() for work in works):
            store.checkpoint()
        for work in works:
            work.result()
        assert store.get_meta("seq") == "299"
        store.checkpoint()
        assert store.log_bytes() == 0


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


def flipped(content: bytes) -> bytes:
    at = len(content) * 3 // 4
    return content[:at] + bytes(byte ^ 0xFF for byte in content[at : at + 64]) + content[at + 64 :]


@pytest.mark.parametrize("damaged", [lambda content: content[: len(content) // 2], flipped], ids=["cut", "flipped"])
def test_damage_that_is_found_late_is_one_sentence_and_untouched(
    tmp_path: Path, damaged: Callable[[bytes], bytes]
) -> None:
    """A file that can be opened, for its first blocks are whole: whoever comes to the others says so."""
    path, folder = tmp_path / "store.duckdb", tmp_path / "export"
    with DuckStore(path) as store:
        texts = (random.Random(n).randbytes(500).hex() for n in range(2000))
        store.append("spans", rows("spans", *({"trace_id": "t", "span_id": text, "seq": 0} for text in texts)))
        store.checkpoint()
    path.write_bytes(before := damaged(path.read_bytes()))

    def ask() -> None:
        with DuckStore(path, read_only=True) as store:
            store.query("spans", trace_id="t")

    for work in (lambda: maintenance.vacuum(path), lambda: list(maintenance.export(path, folder)), ask):
        with pytest.raises(StoreUnavailable, match=r"store\.duckdb (cannot be read|could not answer)") as error:
            work()
        assert "\n" not in str(error.value)
        assert path.read_bytes() == before


def test_what_a_newer_version_added_is_not_lost_by_a_vacuum(tmp_path: Path) -> None:
    """It is refused; to read such a file does no harm."""
    path = tmp_path / "store.duckdb"
    DuckStore(path).close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("ALTER TABLE runs ADD COLUMN mood VARCHAR")
    before = path.read_bytes()
    with pytest.raises(StoreIncompatible, match=r"has the column runs\.mood, which this Durascope does not know"):
        maintenance.vacuum(path)
    assert path.read_bytes() == before
    with DuckStore(path, read_only=True) as store:
        assert store.query("runs").num_rows == 0


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


@pytest.mark.parametrize("table", ["mine (x INTEGER)", "meta (x INTEGER)", "meta (key VARCHAR, value VARCHAR)"])
def test_someone_elses_database_is_not_ours(tmp_path: Path, table: str) -> None:
    """A DuckDB file with other tables gets none of ours, also where one is named as ours is."""
    path = tmp_path / "other.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE TABLE {table}")
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
