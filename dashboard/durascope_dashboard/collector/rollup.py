"""Runs that changed are joined again on a short timer, always from their evidence: nothing is ever added up twice.

What is dirty is kept in memory only. ``joined_seq`` in the store says up to which span everything has been joined, so
that after a crash the runs of the spans behind it are joined again.
"""

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import Final

from durascope.identity import RunKey
from durascope_dashboard.collector.joiner import Join, join_here
from durascope_dashboard.collector.sharding import ALL, Shard
from durascope_dashboard.store.engine import Store
from durascope_dashboard.store.opening import first_line

log = logging.getLogger("durascope.collector")

MAX_RUNS: Final = 2000  # per pass: more at once are cheaper each, and take more memory
RETRY_S: Final = 2.0
SOON_S: Final = 0.5  # so often it is looked whether a whole pass waits
CLOSE_S: Final = 10.0
REFRESH_OPEN_S: Final = 10.0  # attempts of open runs age without any event
_SEQ: Final = "joined_seq"


class RollUp:
    """The set of dirty runs, and the threads that join them.

    A pass costs some tenths of a second, however few its runs: so after one the thread rests as long as it took. While
    more wait than one pass takes, a second thread reads and stores its runs' rows as those of the first are joined.
    """

    def __init__(
        self, store: Store, *, interval_s: float = 0.5, join: Join = join_here, shard: Shard = ALL,
        visiting: bool = False, runs_a_pass: int = MAX_RUNS,
    ) -> None:  # fmt: skip
        """``shard``: the runs that are joined here; others are left to theirs. ``visiting``: see Ingest."""
        self._runs_a_pass = runs_a_pass
        self.errors = 0
        self.passes = 0
        self.last_pass_s = 0.0
        self._store = store
        self._join_tables = join
        self._interval_s = interval_s
        self._shard = shard
        self._recovers = not (visiting and store.shared)
        self._dirty: dict[RunKey, tuple[float, int]] = {}  # since when, and from which span on
        self._taken: dict[RunKey, tuple[float, int]] = {}  # being joined: no other pass may overtake it
        self._marked_seq = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._refreshed = time.monotonic()
        self._threads = [
            threading.Thread(target=self._run, args=(least,), name=f"durascope-rollup-{least}", daemon=True)
            for least in (1, runs_a_pass)
        ]

    def start(self) -> None:
        """Start the timer. Runs that a former process left unjoined are joined first."""
        if self._recovers:
            seq = int(self._store.get_meta(self._shard.named(_SEQ)) or 0)
            runs = [*self._store.runs_since(seq), *self._store.unjoined_runs()]
            self.mark([*runs, *self._store.run_keys("status = 'running'")], seq, self._store.next_seq())
        for thread in self._threads:
            thread.start()

    def mark(self, runs: Iterable[RunKey], first_seq: int, end_seq: int) -> None:
        """These runs have new evidence; its spans, if any, are ``first_seq`` to below ``end_seq``."""
        now = time.monotonic()
        with self._lock:
            for run in runs:
                if self._shard.owns(run):
                    self._dirty.setdefault(run, (now, first_seq))
            self._marked_seq = max(self._marked_seq, end_seq)

    @property
    def dirty_count(self) -> int:
        """How many runs wait to be joined, or are being joined."""
        with self._lock:  # a run that is just being taken is in neither for a moment
            return len(self._dirty) + len(self._taken)

    @property
    def lag_s(self) -> float:
        """How long the run that waits longest has waited."""
        with self._lock:
            first = [next(iter(runs.values()))[0] for runs in (self._taken, self._dirty) if runs]
        return time.monotonic() - min(first) if first else 0.0

    def close(self) -> None:
        """Join what is dirty, then stop. What takes too long is left to the next start, which knows of it."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        end = time.monotonic() + CLOSE_S
        while self._pass() and time.monotonic() < end:
            pass

    def _run(self, least: int) -> None:
        """Pass over what is dirty whenever that is at least so many runs."""
        rest_s = self._interval_s if least == 1 else min(self._interval_s, SOON_S)
        while not self._stop.wait(max(rest_s, min(self.last_pass_s, 2.0))):
            try:
                if least == 1:
                    self._refresh_open()
                while len(self._dirty) >= least and self._pass() == self._runs_a_pass and not self._stop.is_set():
                    pass
            except Exception:  # this thread must not end while the collector runs
                self._failed("a pass over changed runs ended early")

    def _pass(self) -> int:
        begun = time.monotonic()
        with self._lock:
            free = ((run, since) for run, since in self._dirty.items() if run not in self._taken)
            taken = dict(islice(free, self._runs_a_pass))
            for run in taken:
                del self._dirty[run]
            self._taken |= taken
        if not taken:
            return 0
        try:
            self._join(sorted(taken, key=lambda run: run.run_id))
        except self._store.failures as error:  # a full disk, for one: all of it again, later
            self.errors += 1
            log.error("joined runs could not be stored (%s); they are tried again", first_line(error))
            with self._lock:
                self._dirty = taken | self._dirty
            self.last_pass_s = RETRY_S
            return 0
        finally:
            with self._lock:
                for run in taken:
                    del self._taken[run]
        self._keep_seq()
        self.passes += 1
        self.last_pass_s = time.monotonic() - begun
        return len(taken)

    def _join(self, runs: Sequence[RunKey]) -> None:
        """Join and store. Of runs that cannot be joined together the halves are tried: most must not wait for one."""
        now = self._store.clock()  # before the evidence is read: what comes later is not in it
        evidence = self._store.evidence_tables(runs)
        try:
            joined = self._join_tables(evidence, now)
        except Exception:
            if len(runs) > 1:
                self._join(runs[: len(runs) // 2])
                self._join(runs[len(runs) // 2 :])
                return
            self._failed(f"run {runs[0]} could not be joined; it is shown as it was before")
            return
        self._store.replace_joined(joined, as_of=now)

    def _failed(self, what: str) -> None:
        self.errors += 1
        log.exception(what)

    def _keep_seq(self) -> None:
        if not self._recovers:
            return
        with self._lock:
            waiting = chain(self._dirty.values(), self._taken.values())
            seq = min((seq for _, seq in waiting), default=self._marked_seq)
        try:
            self._store.set_meta(self._shard.named(_SEQ), str(seq))
        except self._store.failures:  # a full disk: the next start joins more again than it needs to
            self.errors += 1

    def _refresh_open(self) -> None:
        if not self._recovers or time.monotonic() - self._refreshed < REFRESH_OPEN_S:
            return
        self._refreshed = time.monotonic()
        self.mark(self._store.run_keys("status = 'running'"), self._marked_seq, self._marked_seq)
