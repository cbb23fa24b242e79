"""Where the follower, the backfill and the importer put what they read; the collector's ingest implements it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from durascope.identity import RunKey
from durascope.records import HistoryRecord, Micros
from durascope_dashboard.collector.history_rows import Histories


class ClosedSink(Protocol):
    """Takes whole histories. Called from threads of its caller's; may block on commits."""

    def write_history(self, records: Sequence[HistoryRecord]) -> None:
        """Store records: each *replaces* everything that history said of its run before."""
        ...

    def write_histories(self, histories: Histories) -> None:
        """The same with rows."""
        ...

    def known_closed(self, keys: Iterable[RunKey]) -> set[RunKey]:
        """Those of ``keys`` that are stored as closed from history: immutable, never fetched again."""
        ...


class Sink(ClosedSink, Protocol):
    """What a follower needs besides: Describe's observations, and how far it got."""

    def write_observations(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Upsert rows with exactly the columns of ``schema.OBSERVATIONS``."""
        ...

    def watermark(self, namespace: str) -> Micros | None:
        """Close time up to which a namespace's closed runs are known; None before the first pass."""
        ...

    def set_watermark(self, namespace: str, micros: Micros) -> None:
        """Remember the watermark across restarts."""
        ...
