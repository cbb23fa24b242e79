"""Answers from a store in this process: inside the collector, or a file opened when no collector runs."""

from typing import Any

import pyarrow as pa

from durascope_dashboard.store.duckdb_store import DuckStore


class LocalReader:
    """A reader over an open store."""

    def __init__(self, store: DuckStore) -> None:
        self._store = store

    def query(self, name: str, **params: Any) -> pa.Table:
        """Rows of the named query."""
        return self._store.query(name, **params)

    def health(self) -> dict[str, Any]:
        """A store without a collector: nothing arrives, so nothing lags."""
        return {"status": "ready", "engine": self._store.engine, "store": str(self._store.path), "collector": False}

    def close(self) -> None:
        """Release the store."""
        self._store.close()
