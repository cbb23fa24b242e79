"""The one writer: everything that arrives queues here, is committed in batches, and only then acknowledged.

OTLP (spans, started-events) --+                              +--> evidence tables --> dirty runs
follower (history, Describe) --+--> queue --> writer thread --+
roll-up timer: dirty runs --> join(evidence) --> runs, operations, attempts
"""

import logging
import queue
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from durascope.identity import RunKey
from durascope.records import HistoryRecord
from durascope_dashboard.collector.history_rows import Histories
from durascope_dashboard.collector.joiner import Join, join_here
from durascope_dashboard.collector.otlp import Decoded
from durascope_dashboard.collector.payloads import Overloaded
from durascope_dashboard.collector.rollup import MAX_RUNS, RollUp
from durascope_dashboard.collector.sharding import ALL, Shard
from durascope_dashboard.collector.unsettled import Unsettled
from durascope_dashboard.exceptions import CollectorError
from durascope_dashboard.store import schema
from durascope_dashboard.store.engine import Store
from durascope_dashboard.store.keys import run_keys_table
from durascope_dashboard.store.opening import first_line

log = logging.getLogger("durascope.collector")

MAX_QUEUED_ROWS = 100_000
MAX_BATCH_ROWS = 20_000
_STOP = object()


@dataclass
class Item:
    """One request's rows; ``replaces`` are runs whose history tables these rows stand for as a whole."""

    tables: Mapping[str, pa.Table]
    runs: Iterable[RunKey]
    replaces: Sequence[RunKey] = field(default_factory=list)
    done: "Future[None]" = field(default_factory=Future)
    queued: float = field(default_factory=time.monotonic)
    rows: int = field(init=False)

    def __post_init__(self) -> None:
        self.rows = max(1, sum(int(table.num_rows) for table in self.tables.values()))
        self.done.set_running_or_notify_cancel()  # not to be cancelled: what is queued is written, whoever waits for it


@dataclass
class Counters:
    """What went through since the start."""

    spans: int = 0
    events: int = 0
    metric_requests: int = 0
    histories: int = 0
    commits: int = 0
    refused: int = 0
    failed_commits: int = 0
    last_commit_lag_s: float = 0.0


class Ingest:
    """Queue, writer thread and roll-up timer over one store. Also the sink of the history follower."""

    def __init__(
        self, store: Store, *, rollup_interval_s: float = 0.5, join: Join = join_here, shard: Shard = ALL,
        visiting: bool = False, runs_a_pass: int = MAX_RUNS,
    ) -> None:  # fmt: skip
        """``visiting``: for a while only; what others left unjoined in a shared store is left to its collectors.

        ``join``, ``rollup_interval_s``, ``runs_a_pass``: see RollUp.
        """
        self.store = store
        self.shard = shard
        self.counters = Counters()
        self.unsettled = Unsettled()
        self.rollup = RollUp(
            store, interval_s=rollup_interval_s, join=join, shard=shard, visiting=visiting, runs_a_pass=runs_a_pass
        )
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._waiting = 0
        self._lock = threading.Lock()
        self._seq = store.next_seq()
        self._closed = False
        self._writer = threading.Thread(target=self._run, name="durascope-writer", daemon=True)

    def start(self) -> "Ingest":
        """Start the writer and the roll-up."""
        self._writer.start()
        self.rollup.start()
        return self

    def close(self) -> None:
        """Write what is queued, roll up what is dirty, then stop. Does not close the store."""
        if self._closed:
            return
        with self._lock:
            self._closed = True
            self._queue.put(_STOP)
        if self._writer.is_alive():
            self._writer.join()
        self.rollup.close()

    # -- what arrives -------------------------------------------------------------------------------------------

    def submit(self, decoded: Decoded) -> "Future[None]":
        """Queue one OTLP request; the future is done when its rows are committed. Raises Overloaded."""
        return self._put(Item(decoded.tables(), decoded.runs))

    def check_room(self) -> None:
        """Raises Overloaded, before any work is done, if what waits to be written is too much already."""
        if self._waiting >= MAX_QUEUED_ROWS:
            self.counters.refused += 1
            raise Overloaded(f"{self._waiting} rows are waiting to be written; send again in a second")

    def write_history(self, records: Sequence[HistoryRecord]) -> None:
        """Put these histories in place of what was known of their runs; returns when committed."""
        self.write_histories(Histories.of(records))

    def write_histories(self, histories: Histories) -> None:
        """The same with rows."""
        self.submit_histories(histories).result()

    def submit_histories(self, histories: Histories) -> "Future[None]":
        """The same; the future is done when committed."""
        return self._put(Item(histories.tables, histories.runs, replaces=histories.runs), wait=True)

    def write_observations(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep what Describe said of pending activities; returns when committed."""
        if not rows:
            return
        table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema.OBSERVATIONS)
        runs = {RunKey(row["namespace"], row["workflow_id"], row["run_id"]) for row in rows}
        self._put(Item({"observations": table}, runs), wait=True).result()

    def known_closed(self, keys: Iterable[RunKey]) -> set[RunKey]:
        """Those of ``keys`` whose whole, closed history is in the store."""
        return self.store.closed_runs(keys)

    def watermark(self, namespace: str) -> int | None:
        """How far the follower got in this namespace (µs), as kept by ``set_watermark``."""
        found = self.store.get_meta(self.shard.named(f"watermark:{namespace}"))
        return int(found) if found is not None else None

    def set_watermark(self, namespace: str, micros: int) -> None:
        """Keep how far the follower got; a restart goes on from there."""
        self.store.set_meta(self.shard.named(f"watermark:{namespace}"), str(micros))

    @property
    def lag_s(self) -> float:
        """Age of the oldest request not yet committed (decoded or not), or of the oldest run not yet rolled up."""
        return max(self.unsettled.oldest_s, self.rollup.lag_s)

    def health(self) -> dict[str, Any]:
        """For /healthz."""
        return {
            "ingest_lag_s": round(self.lag_s, 3),
            "queued_rows": self._waiting,
            "dirty_runs": self.rollup.dirty_count,
            "rollup_errors": self.rollup.errors,
            **vars(self.counters),
        }

    # -- the writer ---------------------------------------------------------------------------------------------

    def _put(self, item: Item, *, wait: bool = False) -> "Future[None]":
        """Queue an item. With the queue full a sender is refused, to come back later; one of our own (wait) is not."""
        with self._lock:
            if self._closed:
                raise CollectorError("the collector is shutting down; send again when it is back")
            if self._waiting + item.rows > MAX_QUEUED_ROWS and not wait and self._waiting:
                self.counters.refused += 1
                raise Overloaded(f"{self._waiting} rows are waiting to be written; send again in a second")
            self._waiting += item.rows
            self.unsettled.add(item.done)
            self._queue.put(item)
        return item.done

    def _run(self) -> None:
        stopping = False
        while not stopping:
            items, stopping = self._gather()
            if items:
                self._commit(items)

    def _gather(self) -> tuple[list[Item], bool]:
        """What is to be committed together, and whether there will be no more."""
        items: list[Item] = []
        rows = 0
        taken = self._queue.get()
        end = time.monotonic() + self.store.gather_s
        while taken is not _STOP:
            items.append(taken)
            rows += taken.rows
            if rows >= MAX_BATCH_ROWS:
                return items, False
            try:
                taken = self._queue.get(timeout=max(end - time.monotonic(), 0.0))
            except queue.Empty:
                return items, False
        return items, True

    def _commit(self, items: list[Item]) -> None:
        first_seq = self._seq
        try:
            self._write(items)
        except Exception as error:
            if len(items) > 1:  # one bad request must not fail its neighbours
                for item in items:
                    self._commit([item])
                return
            self.counters.failed_commits += 1
            log.error("a batch could not be written (%s); its sender is told to send it again", first_line(error))
            self._settle(items, error)
            return
        self.counters.commits += 1
        self.counters.histories += sum(len(item.replaces) for item in items)
        self.counters.last_commit_lag_s = time.monotonic() - items[0].queued
        self.rollup.mark((run for item in items for run in item.runs), first_seq, self._seq)
        self._settle(items, None)

    def _settle(self, items: list[Item], error: Exception | None) -> None:
        with self._lock:
            self._waiting -= sum(item.rows for item in items)
        for item in items:
            if error is None:
                item.done.set_result(None)
            else:
                item.done.set_exception(error)

    def _write(self, items: list[Item]) -> None:
        histories = [item for item in items if item.replaces]
        for item in histories:  # each whole: a later read of the same run must not add to the former
            self.store.replace(run_keys_table(item.replaces), item.tables)
        parts: dict[str, list[pa.Table]] = {}
        for item in items:
            if not item.replaces:
                for name, rows in item.tables.items():
                    parts.setdefault(name, []).append(rows)
        tables = {name: pa.concat_tables(found) for name, found in parts.items()}
        if "spans" in tables:
            count = tables["spans"].num_rows
            if self.store.shared:
                self._seq = max(self._seq, self.store.next_seq())
            numbers = pa.array(range(self._seq, self._seq + count), pa.int64())
            tables["spans"] = tables["spans"].append_column("seq", numbers)
            self._seq += count
        if tables:
            self.store.write(tables)
        self.counters.spans += tables["spans"].num_rows if "spans" in tables else 0
