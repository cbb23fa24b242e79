"""What every store can do, whichever engine keeps it: DuckDB in a file (duckdb_store.py), ClickHouse beside others.

Rows go in and come out as Arrow tables with the columns of schema.py. ``location.open_store`` chooses the engine.
"""

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Final, Protocol, Self

import pyarrow as pa

from durascope.identity import RunKey
from durascope_dashboard.exceptions import StoreUnavailable

RunKeys = Iterable[tuple[str, str, str]]

QUERY_LIMIT_S: Final = 25.0
"""How long a named query may take for others: a reader over HTTP waits for 30 s, and then reads why."""


def too_long(what: str, limit_s: float) -> StoreUnavailable:
    """What became of a query that was ended."""
    return StoreUnavailable(
        f"{what} took longer than {limit_s:.0f} s and was ended; ask for a shorter time or for fewer rows"
    )


class Store(Protocol):
    """An open store. Any thread may call any of it. What is written is committed when the call returns."""

    engine: str
    read_only: bool
    shared: bool
    """Whether other collectors may write to it meanwhile."""
    failures: tuple[type[Exception], ...]
    """What a write raises when the engine is at fault (a full disk, a lost connection), and not the rows."""
    gather_s: float
    """How long it pays to gather rows for one write."""

    @property
    def name(self) -> str:
        """Which store it is, without a password."""
        ...

    # -- writing

    def write(self, tables: Mapping[str, pa.Table]) -> None:
        """Append or upsert (keys.py) all of ``tables``."""
        ...

    def append(self, table: str, rows: pa.Table) -> None:
        """Write one table."""
        ...

    def replace(self, run_keys: pa.Table, tables: Mapping[str, pa.Table | None], *, as_of: int | None = None) -> None:
        """Put rows in place of all that the tables have of these runs; None: of nothing. See ``replace_joined``."""
        ...

    def replace_joined(self, tables: Mapping[str, pa.Table], *, as_of: int | None = None) -> None:
        """Put joined rows in place. ``as_of``: ``clock`` before their evidence was read; the latest stands."""
        ...

    def set_meta(self, key: str, value: str) -> None:
        """Keep a small value (a follower's watermark) beside the data."""
        ...

    def drop_strays(self, micros: int) -> None:
        """Take out spans of no run that were received before that moment."""
        ...

    def checkpoint(self, *, tidy: bool = True) -> None:
        """Fold in what was written; ``tidy``: and merge what has holes, for which writers may wait for seconds."""
        ...

    def close(self) -> None:
        """Release it. A second call does nothing."""
        ...

    # -- reading

    def query(self, name: str, **params: Any) -> pa.Table:
        """Rows of a named query. Raises UnknownQuery, or UsageError for a bad parameter."""
        ...

    def sql(self, text: str) -> pa.Table:
        """Rows of one SELECT of our own, in words that both engines know (never text from outside)."""
        ...

    def info(self) -> pa.Table:
        """One row: engine, path, schema_version, counts, bytes, oldest and newest run start."""
        ...

    def evidence_tables(self, run_keys: RunKeys) -> dict[str, pa.Table]:
        """All that every source said of these runs, as the join takes it; spans with duplicates in order of arrival."""
        ...

    def clock(self) -> int:
        """Now (µs), by the one clock of all that write here."""
        ...

    def next_seq(self) -> int:
        """The lowest span sequence number to use from here on."""
        ...

    def runs_since(self, seq: int) -> list[RunKey]:
        """Runs with evidence from this span sequence number on."""
        ...

    def unjoined_runs(self) -> list[RunKey]:
        """Runs with a history, or attempts of a worker, of which no joined row tells."""
        ...

    def run_keys(self, where: str = "true") -> list[RunKey]:
        """Keys of joined runs; ``where`` is SQL over ``runs``."""
        ...

    def closed_runs(self, run_keys: RunKeys) -> set[RunKey]:
        """Those of ``run_keys`` that history has told of as closed."""
        ...

    def written_elsewhere(self, since: int) -> list[tuple[RunKey, int]]:
        """Runs of which others wrote evidence since then (µs of ``clock``), each with when."""
        ...

    def get_meta(self, key: str) -> str | None:
        """A value that ``set_meta`` kept, or None."""
        ...

    def log_bytes(self) -> int:
        """Size of what a checkpoint would tidy up."""
        ...

    def live_bytes(self) -> dict[str, int]:
        """What the rows of each table take, about; rows that are deleted do not count."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
