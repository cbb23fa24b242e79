"""How everything that shows data gets it: named queries, answered by the collector or by a store file opened here.

Views, the CLI and exporters know only :class:`Reader`; where the rows come from is decided once, in ``connect``.
"""

import os
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from durascope_dashboard.exceptions import StoreUnavailable

DEFAULT_SERVER = "http://127.0.0.1:4318"
PROBE_TIMEOUT_S = 2.0


class Reader(Protocol):
    """Answers named queries (``store/queries`` has them) with Arrow tables."""

    def query(self, name: str, **params: Any) -> pa.Table:
        """Rows of the named query. Raises ``UnknownQuery`` / ``StoreUnavailable`` (exceptions.py)."""
        ...

    def health(self) -> dict[str, Any]:
        """What ``GET /healthz`` says: readiness, lag of ingest and of history, engine, counts."""
        ...

    def close(self) -> None:
        """Release connections or the store."""
        ...


def default_store() -> Path:
    """``DURASCOPE_STORE``, else a file in the user's data directory."""
    named = os.environ.get("DURASCOPE_STORE")
    if named:
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_data_dir("durascope")) / "durascope.duckdb"


def connect(server: str | None = None, store: Path | str | None = None) -> Reader:
    """The running collector if there is one, else the store file opened read-only here.

    A ``store`` that is named without a server is opened as such; a ``server`` that is named must answer.
    Raises StoreUnavailable.
    """
    from durascope_dashboard.remote_reader import RemoteReader

    named = server or os.environ.get("DURASCOPE_SERVER")
    if named or store is None:
        remote = RemoteReader(named or DEFAULT_SERVER)
        try:
            _probe(remote)
            return remote
        except StoreUnavailable:
            remote.close()
            if server:
                raise
    return _open(Path(store) if store is not None else default_store())


def _probe(remote: Any) -> None:
    remote.health()


def _open(path: Path) -> Reader:
    from durascope_dashboard.local_reader import LocalReader
    from durascope_dashboard.store.duckdb_store import DuckStore

    return LocalReader(DuckStore(path, read_only=True))
