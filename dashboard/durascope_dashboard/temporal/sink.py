"""Where the follower, the backfill and the importer put what they read; the collector's ingest implements it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from durascope.identity import RunKey
from durascope.records import HistoryRecord, Micros


class Sink(Protocol):
    """Takes history records and Describe's observations. Called from threads of its caller's; may block on commits."""

    def write_history(self, records: Sequence[HistoryRecord]) -> None:
        """Store records: each *replaces* everything that history said of its run before."""
        ...

    def write_observations(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Upsert rows with exactly the columns of ``schema.OBSERVATIONS``."""
        ...

    def known_closed(self, keys: Iterable[RunKey]) -> set[RunKey]:
        """Those of ``keys`` that are stored as closed from history: immutable, never fetched again."""
        ...

    def watermark(self, namespace: str) -> Micros | None:
        """Close time up to which a namespace's closed runs are known; None before the first pass."""
        ...

    def set_watermark(self, namespace: str, micros: Micros) -> None:
        """Remember the watermark across restarts."""
        ...
