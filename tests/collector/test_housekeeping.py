"""The store is tended beside the writer: the log folded in, old runs taken out, a jumping clock not believed."""

import time
from pathlib import Path

import pytest

from durascope_dashboard.collector import housekeeping as housekeeping_
from durascope_dashboard.collector.housekeeping import Housekeeping
from durascope_dashboard.collector.settings import Retention
from durascope_dashboard.store.duckdb_store import DuckStore
from tests.store.rows import run_rows


def test_the_log_is_folded_in_when_long_or_idle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not while it is short and growing."""
    with DuckStore(tmp_path / "store.duckdb") as store:
        keeper = Housekeeping(store, Retention())
        store.checkpoint()
        store.append("runs", run_rows(50))
        keeper.fold()
        assert keeper.checkpoints == 0 and store.log_bytes() > 0
        monkeypatch.setattr(housekeeping_, "IDLE_S", 0.0)
        keeper.fold()
        assert keeper.checkpoints == 1 and store.log_bytes() == 0
        monkeypatch.setattr(housekeeping_, "IDLE_S", 1e9)
        monkeypatch.setattr(housekeeping_, "LOG_BYTES", 10)
        store.append("runs", run_rows(50))
        keeper.fold()
        assert keeper.checkpoints == 2


def test_what_has_holes_is_merged_when_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writers would wait for it, for seconds; where there is never a pause it is done now and then all the same."""
    tidied: list[bool] = []
    monkeypatch.setattr(DuckStore, "checkpoint", lambda self, *, tidy=True: tidied.append(tidy))
    monkeypatch.setattr(housekeeping_, "LOG_BYTES", 10)
    with DuckStore(tmp_path / "store.duckdb") as store:
        keeper = Housekeeping(store, Retention())
        store.append("runs", run_rows(50))
        keeper.fold()
        monkeypatch.setattr(housekeeping_, "TIDY_EVERY_S", 0.0)
        keeper.fold()
        monkeypatch.setattr(housekeeping_, "TIDY_EVERY_S", 1e9)
        keeper.fold()
        monkeypatch.setattr(housekeeping_, "IDLE_S", 0.0)
        keeper.fold()
    assert tidied == [False, True, False, True]


def test_runs_go_when_they_are_old_but_not_by_a_clock_that_jumped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set a year ahead, the clock would empty the store."""
    real = time.time
    with DuckStore(tmp_path / "store.duckdb") as store:
        store.append("runs", run_rows(3, started=int(real() * 1e6), closed=int(real() * 1e6)))
        keeper = Housekeeping(store, Retention(age_s=86_400))
        keeper.retain()
        assert keeper.dropped_runs == 0
        monkeypatch.setattr(time, "time", lambda: real() + 31_536_000)
        monkeypatch.setattr(store, "clock", lambda: int(time.time() * 1e6))
        keeper.retain()
        assert keeper.dropped_runs == 0 and not keeper.clock_is_steady()
        later = Housekeeping(store, Retention(age_s=86_400))  # the same clock, but steady
        later.retain()
        assert later.dropped_runs == 3 and store.query("runs").num_rows == 0
