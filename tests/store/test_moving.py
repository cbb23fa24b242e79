"""From one engine to the other and back by way of Parquet; and the commands that do it, on either engine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from durascope_dashboard.cli import main
from durascope_dashboard.exceptions import StoreUnavailable
from durascope_dashboard.reader import connect
from durascope_dashboard.store import schema
from durascope_dashboard.store.clickhouse import tending
from durascope_dashboard.store.duckdb_store import DuckStore
from durascope_dashboard.store.engine import Store
from durascope_dashboard.store.location import ClickHouseUrl, Location, open_store
from tests.dashboard import synthetic
from tests.store.rows import run_rows

NOW = 1_790_000_000_000_000


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fleet in a DuckDB file, exported."""
    folder = tmp_path_factory.mktemp("moving")
    synthetic.write(folder / "fleet.duckdb", synthetic.fleet(NOW), NOW)
    assert main(["store", "export", str(folder / "out"), "--store", str(folder / "fleet.duckdb")]) == 0
    return folder


def contents(location: Location) -> dict[str, list[str]]:
    """Every row of every table."""
    with open_store(location, read_only=True) as store:
        return {name: everything(store, name) for name in schema.TABLES}


def everything(store: Store, table: str) -> list[str]:
    names = ", ".join(f'"{name}"' for name in schema.TABLES[table].names if name != "seq")
    return sorted(json.dumps(row) for row in store.sql(f"SELECT {names} FROM {table}").to_pylist())


def test_there_and_back_again(
    exported: Path, clickhouse_url: ClickHouseUrl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From DuckDB to ClickHouse, twice, and by another export into a new file: every row, each value, once."""
    before = contents(exported / "fleet.duckdb")
    first, second = clickhouse_url, tmp_path / "second.duckdb"
    capsys.readouterr()
    assert main(["store", "import", str(exported / "out"), "--store", str(first)]) == 0
    assert f"runs                 {len(before['runs']):>12,} rows" in capsys.readouterr().out
    assert contents(first) == before
    assert main(["store", "import", str(exported / "out"), "--store", str(first)]) == 0
    added = {line.split()[0]: line.split()[1] for line in capsys.readouterr().out.splitlines()}
    assert set(added.values()) == {"0"} and contents(first) | {"runs": [], "operations": [], "attempts": []} == (
        before | {"runs": [], "operations": [], "attempts": []}
    )
    assert main(["store", "import", str(exported / "out"), "--store", str(first)]) == 0  # the joined rows again
    assert main(["store", "export", str(tmp_path / "again"), "--store", str(first)]) == 0
    assert main(["store", "import", str(tmp_path / "again"), "--store", str(second)]) == 0
    assert contents(second) == before


def test_runs_that_both_know_are_joined_again(exported: Path, clickhouse_url: ClickHouseUrl) -> None:
    """What stands of them there is taken out, so that the next start of a collector joins all that is known."""
    with open_store(exported / "fleet.duckdb", read_only=True) as duck:
        known = duck.sql("SELECT * FROM runs LIMIT 1")
    with open_store(clickhouse_url) as store:
        store.append("runs", known)
        store.append("runs", run_rows(1))
    list(tending.import_(clickhouse_url, exported / "out"))
    with open_store(clickhouse_url) as store:
        assert store.query("run", workflow_id=known["workflow_id"][0].as_py()).num_rows == 0
        assert store.query("run", workflow_id="w0").num_rows == 1
        assert [run.workflow_id for run in store.unjoined_runs()] == known["workflow_id"].to_pylist()


def test_parts_never_divide_a_run(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few rows are in memory at once: a run's operations are one row there."""
    monkeypatch.setattr(tending, "ROWS", 3)
    parts = list(tending._by_run(exported / "out" / "operations.parquet", "operations"))
    runs = [run for part in parts for run in sorted(set(part["run_id"].to_pylist()))]
    assert len(runs) == len(set(runs)) > 10
    with DuckStore(exported / "fleet.duckdb", read_only=True) as duck:
        assert sum(part.num_rows for part in parts) == duck.sql("SELECT * FROM operations").num_rows


def test_vacuum_and_info_on_clickhouse(
    exported: Path, clickhouse_url: ClickHouseUrl, capsys: pytest.CaptureFixture[str]
) -> None:
    """Deleted rows leave the disk; every other row stays."""
    list(tending.import_(clickhouse_url, exported / "out"))
    before = contents(clickhouse_url)
    capsys.readouterr()
    assert main(["store", "vacuum", "--store", str(clickhouse_url)]) == 0
    assert "before," in capsys.readouterr().out
    assert contents(clickhouse_url) == before
    assert main(["store", "upgrade", "--store", str(clickhouse_url)]) == 0
    capsys.readouterr()
    assert main(["store", "info", "--json", "--store", str(clickhouse_url)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["engine", "path", "schema_version", "runs", "operations", "attempts", "spans", "oldest",
                           "newest", "bytes"]  # fmt: skip
    assert (found["engine"], found["path"], found["runs"]) == ("clickhouse", str(clickhouse_url), len(before["runs"]))


def test_a_store_in_a_folder_of_its_own_is_read_by_the_command_line(exported: Path, tmp_path: Path) -> None:
    """chDB in another process: import, list, show; no collector, no server."""
    url = f"chdb://{tmp_path}/store"
    script = (
        "import sys; from durascope_dashboard.cli import main\n"
        f"store = ['--store', {url!r}]\n"
        f"assert main(['store', 'import', {str(exported / 'out')!r}, *store]) == 0\n"
        "assert main(['runs', '--json', '--limit', '2', *store]) == 0\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout[done.stdout.index("[") :])
    with DuckStore(exported / "fleet.duckdb", read_only=True) as duck:
        assert [run["run_id"] for run in listed] == duck.query("runs", limit=2)["run_id"].to_pylist()


def test_a_store_that_is_not_there_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And reading makes none."""
    assert main(["runs", "--store", f"chdb://{tmp_path}/none"]) == 1
    assert "there is no store at chdb://" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    with pytest.raises(StoreUnavailable, match="did not answer"):
        connect(store="clickhouse://127.0.0.1:1/x")
    assert main(["runs", "--store", "clickhouse://me:s3cret@h:x/d"]) == 2
    assert "s3cret" not in capsys.readouterr().err
