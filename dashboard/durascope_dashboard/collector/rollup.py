"""Runs that changed are joined again on a short timer, always from their evidence: nothing is ever added up twice."""

import logging
import threading
import time
from collections.abc import Iterable

from durascope.identity import RunKey
from durascope_dashboard.analysis.join import join
from durascope_dashboard.store.duckdb_store import DuckStore

log = logging.getLogger("durascope.collector")

MAX_RUNS = 500  # per pass
REFRESH_OPEN_S = 10.0  # attempts of open runs age without any event


class RollUp:
    """The set of dirty runs, and the thread that joins them."""

    def __init__(self, store: DuckStore, *, interval_s: float = 0.5) -> None:
        self.errors = 0
        self._store = store
        self._interval_s = interval_s
        self._dirty: dict[RunKey, float] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._refreshed = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="durascope-rollup", daemon=True)

    def start(self) -> None:
        """Start the timer. Runs that a former process left unjoined are joined first."""
        self.mark(self._unjoined())
        self._thread.start()

    def mark(self, runs: Iterable[RunKey]) -> None:
        """These runs have new evidence."""
        now = time.monotonic()
        with self._lock:
            for run in runs:
                self._dirty.setdefault(run, now)

    @property
    def dirty_count(self) -> int:
        """How many runs wait to be joined."""
        return len(self._dirty)

    @property
    def lag_s(self) -> float:
        """How long the run that waits longest has waited."""
        with self._lock:
            return time.monotonic() - next(iter(self._dirty.values())) if self._dirty else 0.0

    def close(self) -> None:
        """Join what is dirty, then stop."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        while self._pass():
            pass

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            self._refresh_open()
            while self._pass() == MAX_RUNS and not self._stop.is_set():
                pass

    def _pass(self) -> int:
        with self._lock:
            runs = list(self._dirty)[:MAX_RUNS]
            for run in runs:
                del self._dirty[run]
        if runs:
            self._join(runs)
        return len(runs)

    def _join(self, runs: list[RunKey]) -> None:
        try:
            joined = join(self._store.evidence(runs), time.time_ns() // 1000)
            self._store.replace_runs(joined)
        except Exception:
            if len(runs) > 1:  # find the one that cannot be joined; the others must not wait for it
                for run in runs:
                    self._join([run])
                return
            self.errors += 1
            log.exception("run %s could not be joined; it is shown as it was before", runs[0])

    def _refresh_open(self) -> None:
        if time.monotonic() - self._refreshed < REFRESH_OPEN_S:
            return
        self._refreshed = time.monotonic()
        self.mark(self._store.run_keys("status = 'running'"))

    def _unjoined(self) -> list[RunKey]:
        """Runs with evidence that no joined row reflects: the process ended between commit and join."""
        rows = self._store.sql(
            "SELECT DISTINCT namespace, workflow_id, run_id FROM ("
            "SELECT namespace, workflow_id, run_id FROM history_runs UNION ALL "
            "SELECT namespace, workflow_id, run_id FROM span_attempts UNION ALL "
            "SELECT namespace, workflow_id, run_id FROM spans WHERE workflow_id <> ''"
            ") ANTI JOIN runs USING (namespace, workflow_id, run_id)"
        )
        return [RunKey(*row.values()) for row in rows.to_pylist()] + self._store.run_keys("status = 'running'")
