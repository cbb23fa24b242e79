"""Pushing the fleet's metrics by OTLP, for teams whose metrics do not go by Prometheus scrapes."""

import threading

from durascope_dashboard.clock import micros_now
from durascope_dashboard.exceptions import ExportError, StoreUnavailable
from durascope_dashboard.export.counters import Ratchet
from durascope_dashboard.export.metrics import fleet_families
from durascope_dashboard.export.otlp_metrics import request
from durascope_dashboard.export.send import Sender
from durascope_dashboard.reader import Reader


class Push:
    """Cumulative counters since this object was made plus what the store already held."""

    def __init__(self, reader: Reader, sender: Sender) -> None:
        self._reader, self._sender = reader, sender
        self._ratchet = Ratchet()
        self._start = micros_now()
        self.points = self.pushes = self.failures = 0

    def step(self) -> None:
        """Compute and send once. Raises ExportError."""
        now = micros_now()
        families = self._ratchet.raised(fleet_families(self._reader, now))
        self._sender.send(request(families, self._start, now))
        self.points = sum(len(family.samples) for family in families)
        self.pushes += 1

    def run(self, stop: threading.Event, interval_s: float) -> None:
        """Until ``stop`` is set; a push that fails is counted, and the next one says everything again."""
        while not stop.is_set():
            try:
                self.step()
            except (ExportError, StoreUnavailable):
                self.failures += 1
            stop.wait(interval_s)
