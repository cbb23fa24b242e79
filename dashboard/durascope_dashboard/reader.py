"""How everything that shows data gets it: named queries, answered by the collector or by a store file opened here.

Views, the CLI and exporters know only :class:`Reader`; where the rows come from is decided once, in ``connect``.
"""

from typing import Any, Protocol

import pyarrow as pa


class Reader(Protocol):
    """Answers named queries (``store/queries.py`` lists them) with Arrow tables."""

    def query(self, name: str, **params: Any) -> pa.Table:
        """Rows of the named query. Raises ``UnknownQuery`` / ``StoreUnavailable`` (exceptions.py)."""
        ...

    def health(self) -> dict[str, Any]:
        """What ``GET /healthz`` says: readiness, lag of ingest and of history, engine, counts."""
        ...
