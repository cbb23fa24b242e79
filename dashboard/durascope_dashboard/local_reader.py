"""Answers from a store opened in this process: the collector's own, a file when no collector runs, or ClickHouse."""

from typing import Any

import pyarrow as pa

from durascope_dashboard.store.engine import Store


class LocalReader:
    """A reader over an open store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def query(self, name: str, **params: Any) -> pa.Table:
        """Rows of the named query."""
        return self._store.query(name, **params)

    def health(self) -> dict[str, Any]:
        """A store without a collector: nothing arrives, so nothing lags."""
        return {"status": "ready", "engine": self._store.engine, "store": self._store.name, "collector": False}

    def close(self) -> None:
        """Release the store."""
        self._store.close()
