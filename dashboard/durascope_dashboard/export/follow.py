"""`--follow`: sends each run that closes, so that Grafana has whole traces even of workers that are not instrumented.

A run is taken up when it has rested for ``SETTLE_S`` after its last join; one that is joined again later (a late span)
is sent again, which adds nothing at the receiver. ``updated`` is when its evidence was read, and a row of many that are
joined together is stored some time after that: so each step looks back by ``LATE_S``, for what was not there before.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from durascope.identity import RunKey
from durascope.records import Micros
from durascope_dashboard.clock import micros_now
from durascope_dashboard.exceptions import ExportError, StoreUnavailable
from durascope_dashboard.export.sinks import Sink
from durascope_dashboard.export.source import BATCH, Wanted, complete
from durascope_dashboard.reader import Reader
from durascope_dashboard.store.queries.runs import cursor_after
from durascope_dashboard.store.schema import RUN_KEY

SETTLE_S = 3.0
LATE_S = 60.0
PAGE = 1000
CLOSED = ("completed", "failed", "cancelled", "terminated", "timed_out", "continued_as_new")


@dataclass
class Follow:
    """The loop and where it stands: everything stored that was joined up to ``watermark`` has been sent."""

    reader: Reader
    sink: Sink
    wanted: Wanted
    watermark: Micros
    settle_s: float = SETTLE_S
    runs: int = 0
    failures: int = 0
    last_error: str | None = None
    _seen: dict[RunKey, Micros] | None = field(default=None, init=False, repr=False)
    """What was sent lately, or was there before this began: with when it was joined."""

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
        if self._seen is None:
            self._seen = dict(pair for runs in self._changed(self.watermark) for pair in _joined(runs))
        for runs in self._changed(until):
            self.sink.write(complete(self.reader, runs))
            self._seen.update(_joined(runs))
            sent += runs.num_rows
        self.watermark = max(self.watermark, until)
        self._seen = {key: joined for key, joined in self._seen.items() if joined > self._floor}
        self.runs += sent
        return sent

    @property
    def _floor(self) -> Micros:
        return self.watermark - round(LATE_S * 1e6)

    def _changed(self, until: Micros) -> Iterator[pa.Table]:
        """Closed runs not yet seen that were joined up to ``until``, at most a batch at once, latest first."""
        for page in self._pages():
            updated = page["updated"]
            due = page.filter(pc.and_(pc.greater(updated, self._floor), pc.less_equal(updated, until)))
            seen = self._seen or {}
            new = due.filter(pa.array([seen.get(key) != joined for key, joined in _joined(due)], pa.bool_()))
            for start in range(0, new.num_rows, BATCH):
                yield new.slice(start, BATCH)

    def _pages(self) -> Iterator[pa.Table]:
        """Closed runs, latest joined first, as far as any of a page may be due."""
        status = self.wanted.status or CLOSED
        wanted = replace(self.wanted, status=tuple(each for each in status if each in CLOSED))
        filters = {
            "status": list(wanted.status), "workflow_type": list(wanted.workflow_type), "where": wanted.where,
            "namespace": [wanted.namespace] if wanted.namespace else None,
        }  # fmt: skip
        given = {name: value for name, value in filters.items() if value}
        cursor = None
        while True:
            page = self.reader.query("runs", order="updated", limit=PAGE, cursor=cursor, **given)
            yield page
            if page.num_rows < PAGE:
                return
            last = page.slice(page.num_rows - 1).to_pylist()[0]
            if last["updated"] is None or last["updated"] <= self._floor:
                return
            cursor = cursor_after(last, "updated")


def _joined(runs: pa.Table) -> list[tuple[RunKey, Micros]]:
    """The key and ``updated`` of each."""
    keys = zip(*(runs[name].to_pylist() for name in RUN_KEY), strict=True)
    return [(RunKey(*key), joined) for key, joined in zip(keys, runs["updated"].to_pylist(), strict=True)]
