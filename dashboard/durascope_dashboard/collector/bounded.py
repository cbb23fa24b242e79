"""The collector's store as others read it: a query that takes too long is ended, and its thread is free again."""

import threading
from typing import Any

import pyarrow as pa

from durascope_dashboard.local_reader import LocalReader
from durascope_dashboard.store.duckdb_store import DuckStore
from durascope_dashboard.store.engine import QUERY_LIMIT_S, Store, too_long


class BoundedReader(LocalReader):
    """A reader whose queries take at most ``limit_s``; ClickHouse bounds them itself (clickhouse_store.py)."""

    def __init__(self, store: Store, limit_s: float = QUERY_LIMIT_S) -> None:
        super().__init__(store)
        self._limit_s = limit_s

    def query(self, name: str, **params: Any) -> pa.Table:
        """Rows of the named query. Raises StoreUnavailable beside what the store raises."""
        if not isinstance(self._store, DuckStore):
            return super().query(name, **params)
        ended = threading.Event()
        interrupt = self._store.cursor().interrupt  # of this thread's query, and of no other's

        def end() -> None:
            ended.set()
            interrupt()

        timer = threading.Timer(self._limit_s, end)
        timer.start()
        try:
            return super().query(name, **params)
        except Exception as error:
            if not ended.is_set():
                raise
            raise too_long(f"the query {name!r}", self._limit_s) from error
        finally:
            timer.cancel()
