"""Histories to a running collector, which owns the store (collector/history_api.py is the other side)."""

import gzip
import json
import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

import httpx

from durascope.identity import RunKey
from durascope.records import HistoryRecord
from durascope_dashboard.collector.history_rows import Histories
from durascope_dashboard.collector.payloads import MAX_INFLATED_BYTES
from durascope_dashboard.exceptions import StoreUnavailable
from durascope_dashboard.remote_reader import RemoteReader
from durascope_dashboard.store.keys import run_keys_table

log = logging.getLogger("durascope.temporal")

PATIENCE_S: Final = 120.0  # how long a collector may say "later", and how long a join may take
_HEADERS: Final = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
_LARGE: Final = MAX_INFLATED_BYTES // 2


class RemoteSink:
    """A sink over a collector's history API. Safe to share between threads."""

    def __init__(self, collector: RemoteReader) -> None:
        self._collector = collector
        self._written: float | None = None

    def write_history(self, records: Sequence[HistoryRecord]) -> None:
        """See ClosedSink. Raises StoreUnavailable."""
        self.write_histories(Histories.of(records))

    def write_histories(self, histories: Histories) -> None:
        """See ClosedSink; returns when the collector has committed them. Raises StoreUnavailable."""
        body = _json({name: rows.to_pydict() for name, rows in histories.tables.items()})
        if len(body) > _LARGE and len(histories.runs) > 1:
            middle = len(histories.runs) // 2
            self.write_histories(histories.only(set(histories.runs[:middle])))
            self.write_histories(histories.only(set(histories.runs[middle:])))
            return
        self._post("/api/v1/histories", body)
        self._written = time.monotonic()

    def known_closed(self, keys: Iterable[RunKey]) -> set[RunKey]:
        """See ClosedSink. Raises StoreUnavailable."""
        known = self._post("/api/v1/histories/known", _json(run_keys_table(keys).to_pydict()))
        return {RunKey(*key) for key in zip(*(known[column] for column in RunKey._fields), strict=True)}

    def wait_until_joined(self) -> None:
        """Return when readers see what was written: when no run has waited for longer than since then."""
        if self._written is None:
            return
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            asked = time.monotonic()
            health = self._collector.health()
            if not health["dirty_runs"] or health["ingest_lag_s"] < asked - self._written:
                return
            time.sleep(0.1)
        log.warning("what was stored has not been joined yet; the collector goes on with it")

    def _post(self, path: str, body: bytes) -> Any:
        compressed = gzip.compress(body, 1)
        end = time.monotonic() + PATIENCE_S
        while True:
            answer = self._collector.post(path, compressed, _HEADERS)
            if answer.status_code not in (429, 503) or time.monotonic() > end:
                break
            time.sleep(min(float(answer.headers.get("Retry-After", 1)), 5.0))
        if answer.status_code != 200:
            raise self._refused(answer)
        return answer.json()

    def _refused(self, answer: httpx.Response) -> StoreUnavailable:
        if answer.status_code in (404, 405):
            return StoreUnavailable(
                f"the collector at {self._collector.server} is of an older Durascope, which takes no histories; "
                "upgrade it, or stop it meanwhile"
            )
        try:
            said = str(answer.json()["message"])
        except (ValueError, KeyError, TypeError):
            said = "it gave no reason"
        return StoreUnavailable(
            f"the collector at {self._collector.server} did not store the histories ({answer.status_code}: {said}); "
            "what was stored before stays, and the same command goes on from there"
        )


def _json(columns: Any) -> bytes:
    return json.dumps(columns, separators=(",", ":")).encode()
