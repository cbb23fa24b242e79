"""In a store that several write to: runs of which others wrote evidence are joined here too, if they are this shard's.

Others are the collectors beside this one and, through ``otel_traces``, any OpenTelemetry Collector. A row is stamped
by the server when its insert begins and seen when that is done: so each look reaches back, and remembers what it saw.
"""

import logging
import threading
from typing import Final

from durascope.identity import RunKey
from durascope_dashboard.collector.rollup import RollUp
from durascope_dashboard.store.engine import Store
from durascope_dashboard.store.opening import first_line

log = logging.getLogger("durascope.collector")

EVERY_S: Final = 1.0
OVERLAP_US: Final = 30_000_000


class Tail:
    """The thread that looks. ``errors`` counts looks that failed; each is made up for by the next."""

    def __init__(self, store: Store, rollup: RollUp, *, every_s: float = EVERY_S) -> None:
        self.errors = 0
        self._store = store
        self._rollup = rollup
        self._every_s = every_s
        self._since = store.clock()
        self._seen: dict[RunKey, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="durascope-tail", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End, after what it is doing."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                self.look()
            except self._store.failures as error:
                self.errors += 1
                log.error("what others wrote could not be looked at (%s); it is tried again", first_line(error))

    def look(self) -> int:
        """Mark the runs of which evidence came since the last look; how many."""
        now = self._store.clock()
        found = self._store.written_elsewhere(self._since - OVERLAP_US)
        fresh = [(run, written) for run, written in found if written > self._seen.get(run, 0)]
        if fresh:
            self._rollup.mark((run for run, _ in fresh), min(written for _, written in fresh), now)
        kept = now - 2 * OVERLAP_US
        self._seen = {run: at for run, at in (self._seen | dict(found)).items() if at >= kept}
        self._since = now
        return len(fresh)
