"""What the store needs now and then: the write-ahead log folded in, and old runs taken out.

The log is folded in beside the writer, which DuckDB 2 allows: by its own rule it would do so inside a commit, and
whoever sent that batch would wait. A long log is also what makes a start after a crash slow.
"""

import logging
import threading
import time
from typing import Final

from durascope_dashboard.collector.settings import Retention
from durascope_dashboard.store.engine import Store
from durascope_dashboard.store.opening import first_line
from durascope_dashboard.store.retention import drop_before, drop_oldest

log = logging.getLogger("durascope.collector")

EVERY_S: Final = 1.0
LOG_BYTES: Final = 96 << 20
IDLE_S: Final = 5.0
TIDY_EVERY_S: Final = 600.0  # under load without a pause
RETAIN_EVERY_S: Final = 60.0
JUMP_S: Final = 3600.0  # a wall clock that moves by more than this against the steady one is not believed, as long


class Housekeeping:
    """The thread that tends the store. ``busy`` says how many commits there have been: the same number is idleness."""

    def __init__(self, store: Store, retention: Retention, *, every_s: float = EVERY_S) -> None:
        self.checkpoints = 0
        self.dropped_runs = 0
        self.errors = 0
        self._store = store
        self._retention = retention
        self._every_s = every_s
        self._log_size = 0
        self._changed = time.monotonic()
        self._retained = 0.0
        self._tidied = time.monotonic()
        self._offset = time.time() - time.monotonic()
        self._distrusted_until = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="durascope-housekeeping", daemon=True)

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
                self.fold()
                if time.monotonic() - self._retained >= RETAIN_EVERY_S or not self._retained:
                    self._retained = time.monotonic()
                    self.retain()
            except Exception as error:  # a full disk for one: it is tried again, and said in /healthz
                self.errors += 1
                log.error("the store could not be tended (%s); it is tried again", first_line(error))
                self._stop.wait(IDLE_S)

    def fold(self) -> None:
        """Checkpoint if the log is long, or if nothing has been written for a while."""
        size = self._store.log_bytes()
        if size != self._log_size:
            self._log_size, self._changed = size, time.monotonic()
        idle = size > 0 and time.monotonic() - self._changed >= IDLE_S
        if size >= LOG_BYTES or idle:
            tidy = idle or time.monotonic() - self._tidied >= TIDY_EVERY_S
            self._store.checkpoint(tidy=tidy)
            self._tidied = time.monotonic() if tidy else self._tidied
            self.checkpoints += 1

    def retain(self) -> None:
        """Take out runs that are too old, then the oldest while the store is too large."""
        dropped = 0
        if self._retention.age_s is not None and self.clock_is_steady():
            dropped += drop_before(self._store, self._store.clock() - int(self._retention.age_s * 1e6))
        if self._retention.size is not None:
            dropped += drop_oldest(self._store, self._retention.size)
        if dropped:
            self.dropped_runs += dropped
            log.info("%d runs were taken out of the store", dropped)

    def clock_is_steady(self) -> bool:
        """Whether the wall clock may say how old a run is: set a year ahead by mistake, it would empty the store."""
        offset = time.time() - time.monotonic()
        if abs(offset - self._offset) > JUMP_S:
            log.warning(
                "the clock jumped by %.0f s; for an hour no run is taken out for its age", offset - self._offset
            )
            self._offset, self._distrusted_until = offset, time.monotonic() + JUMP_S
        return time.monotonic() >= self._distrusted_until
