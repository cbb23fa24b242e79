"""How everything that shows data gets it: named queries, answered by the collector or by a store file opened here.

Views, the CLI and exporters know only :class:`Reader`; where the rows come from is decided once, in ``connect``.
"""

import os
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from durascope_dashboard.exceptions import StoreUnavailable

DEFAULT_SERVER = "http://127.0.0.1:4318"


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

    A ``server`` that is named must answer. A ``store`` that is named is what is read: through the collector that owns
    it if that runs, else directly. Raises StoreUnavailable.
    """
    if server:
        return _remote(server, None)
    path = Path(store) if store is not None else None
    try:
        return _remote(os.environ.get("DURASCOPE_SERVER") or DEFAULT_SERVER, path)
    except StoreUnavailable:
        return _open(path or default_store())


def _remote(server: str, store: Path | None) -> Reader:
    """A collector that answers and, if ``store`` is named, owns that file."""
    from durascope_dashboard.remote_reader import RemoteReader

    reader = RemoteReader(server, token=os.environ.get("DURASCOPE_TOKEN"))
    try:
        owned = str(reader.health().get("store"))
        if store is not None and os.path.realpath(owned) != os.path.realpath(store):
            raise StoreUnavailable(f"the collector at {server} owns the store {owned}, not {store}")
    except BaseException:
        reader.close()
        raise
    return reader


def _open(path: Path) -> Reader:
    from durascope_dashboard.local_reader import LocalReader
    from durascope_dashboard.store.duckdb_store import DuckStore

    return LocalReader(DuckStore(path, read_only=True))
