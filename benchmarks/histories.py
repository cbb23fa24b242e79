"""Histories written to a collector as `durascope backfill` writes them, and again until they are acknowledged."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from benchmarks.load import run_id
from durascope.history import load_history_json, read_history
from durascope.records import HistoryRecord
from durascope_dashboard.collector.ingest import Ingest
from durascope_dashboard.exceptions import StoreUnavailable
from durascope_dashboard.remote_reader import RemoteReader
from durascope_dashboard.store.duckdb_store import DuckStore
from durascope_dashboard.temporal.remote_sink import RemoteSink

NAMESPACE: Final = "histories"
_GOLDEN: Final = Path(__file__).parents[1] / "tests/histories/golden/retried-1.json"
_JOINED: Final = f"""
SELECT run_id, status, operations, attempts, failed_attempts, from_history FROM runs WHERE namespace = '{NAMESPACE}'
"""
_PARTS: Final = ("operations", "attempts", "waits")


def record(run: str) -> HistoryRecord:
    """A golden history as that run's."""
    return read_history(_events(), NAMESPACE, f"written-{run}", run)


@cache
def _events() -> Any:
    return load_history_json(_GOLDEN.read_bytes()).events


@dataclass
class HistorySenders:
    """``connections`` threads that write batches of new runs to ``url`` until ``stop``; ``log``: the runs stored."""

    url: str
    connections: int = 1
    batch: int = 10
    log: list[str] = field(default_factory=list)
    sent_again: int = 0

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(self.connections)]

    def start(self) -> "HistorySenders":
        """Begin to write."""
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Let what is under way end."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self) -> None:
        collector = RemoteReader(self.url)
        sink = RemoteSink(collector)
        while not self._stop.is_set():
            runs = [run_id() for _ in range(self.batch)]
            records = [record(run) for run in runs]
            while not self._stop.is_set():
                try:
                    sink.write_history(records)
                    self.log += runs
                    break
                except StoreUnavailable:  # killed: whether they were stored is not known, so they are written again
                    self.sent_again += self.batch
                    self._stop.wait(0.05)
        collector.close()


def check_histories(store: Path, acknowledged: list[str], folder: Path) -> dict[str, Any]:
    """What is in the store against what was acknowledged, and against the same history in a store left in peace."""
    one = record("r")
    wanted = {part: len(getattr(one, part)) for part in _PARTS}
    figures = _undisturbed(folder / "undisturbed.duckdb")
    with DuckStore(store, read_only=True) as opened:
        counts = {
            part: Counter(opened.sql(f"SELECT run_id FROM history_{part}")["run_id"].to_pylist()) for part in _PARTS
        }
        kept = Counter(opened.sql("SELECT run_id FROM history_runs")["run_id"].to_pylist())
        joined = {row.pop("run_id"): row for row in opened.sql(_JOINED).to_pylist()}
    whole = {run for run in kept if kept[run] == 1 and all(counts[part][run] == wanted[part] for part in _PARTS)}
    return {
        "acknowledged": len(acknowledged),
        "lost": len(set(acknowledged) - whole),
        "halves": len(set(kept) - whole),
        "unjoined": sum(not joined.get(run, {}).get("from_history") for run in acknowledged),
        "joined_otherwise": sum(row != figures for row in joined.values()),
    }


def _undisturbed(path: Path) -> dict[str, Any]:
    with DuckStore(path) as store:
        ingest = Ingest(store).start()
        ingest.write_history([record("r")])
        ingest.close()
        (row,) = store.sql(_JOINED).to_pylist()
    return {name: value for name, value in row.items() if name != "run_id"}
