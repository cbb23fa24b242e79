"""`--follow`: sends each run that closes, so that Grafana has whole traces even of workers that are not instrumented.

A run is taken up when it has rested for ``SETTLE_S`` after its last join; one that is joined again later (a late span)
is sent again, which adds nothing at the receiver.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from durascope.records import Micros
from durascope_dashboard.clock import micros_now
from durascope_dashboard.exceptions import ExportError, StoreUnavailable
from durascope_dashboard.export.sinks import Sink
from durascope_dashboard.export.source import BATCH, Wanted, complete
from durascope_dashboard.reader import Reader
from durascope_dashboard.store.queries.runs import cursor_after

SETTLE_S = 3.0
CLOSED = ("completed", "failed", "cancelled", "terminated", "timed_out", "continued_as_new")


@dataclass
class Follow:
    """The loop and where it stands: everything joined up to ``watermark`` has been sent."""

    reader: Reader
    sink: Sink
    wanted: Wanted
    watermark: Micros
    settle_s: float = SETTLE_S
    runs: int = 0
    failures: int = 0
    last_error: str | None = None

    def run(self, stop: threading.Event, interval_s: float = 2.0) -> None:
        """Until ``stop`` is set. A destination or collector that is away is waited for and counted, never fatal."""
        while not stop.is_set():
            try:
                self.step(micros_now())
                self.last_error = None
            except (ExportError, StoreUnavailable) as error:
                self.failures += 1
                self.last_error = str(error)
            stop.wait(interval_s)

    def step(self, now: Micros) -> int:
        """Send what has settled since the last step; how many runs. The watermark moves only when all is accepted."""
        until = now - round(self.settle_s * 1e6)
        sent = 0
        for runs in self._changed(until):
            self.sink.write(complete(self.reader, runs))
            sent += runs.num_rows
        self.watermark = max(self.watermark, until)
        self.runs += sent
        return sent

    def _changed(self, until: Micros) -> Iterator[pa.Table]:
        """Closed runs joined in (watermark, until], latest first."""
        status = self.wanted.status or CLOSED
        wanted = replace(self.wanted, status=tuple(each for each in status if each in CLOSED))
        filters = {
            "status": list(wanted.status), "workflow_type": list(wanted.workflow_type), "where": wanted.where,
            "namespace": [wanted.namespace] if wanted.namespace else None,
        }  # fmt: skip
        given = {name: value for name, value in filters.items() if value}
        cursor = None
        while True:
            page = self.reader.query("runs", order="updated", limit=BATCH, cursor=cursor, **given)
            updated = page["updated"]
            due = page.filter(pc.and_(pc.greater(updated, self.watermark), pc.less_equal(updated, until)))
            if due.num_rows:
                yield due
            if page.num_rows < BATCH:
                return
            last = page.slice(page.num_rows - 1).to_pylist()[0]
            if last["updated"] is None or last["updated"] <= self.watermark:
                return
            cursor = cursor_after(last, "updated")
