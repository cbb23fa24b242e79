"""How everything that shows data gets it: named queries, answered by the collector or by a store opened here.

Views, the CLI and exporters know only :class:`Reader`; where the rows come from is decided once, in ``connect``.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from durascope_dashboard.exceptions import Refused, StoreUnavailable
from durascope_dashboard.store.location import ClickHouseUrl, Location, open_store, parse_location

if TYPE_CHECKING:
    from durascope_dashboard.remote_reader import RemoteReader

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


def default_store() -> Location:
    """``DURASCOPE_STORE``, else a file in the user's data directory. Raises UsageError."""
    named = os.environ.get("DURASCOPE_STORE")
    if named:
        return parse_location(named)
    import platformdirs

    return Path(platformdirs.user_data_dir("durascope")) / "durascope.duckdb"


def connect(server: str | None = None, store: Location | str | None = None) -> Reader:
    """The running collector if there is one, else the store opened read-only here.

    A ``server`` that is named must answer. A ``store`` that is named is what is read: a file through the collector
    that owns it if that runs, else directly; a ClickHouse server always directly. Raises StoreUnavailable, Refused if a
    collector runs that wants a token, UsageError.
    """
    location = parse_location(store) if store is not None else None
    return running_collector(server, location) or _open(location or default_store())


def running_collector(server: str | None, store: Location | None, *, writes: bool = False) -> "RemoteReader | None":
    """The collector to ask, by the rules of ``connect``; None where the store is to be opened instead.

    What ``writes`` must not end up elsewhere than was meant: then DURASCOPE_SERVER has to answer as well, unless a
    ``store`` is named. Raises StoreUnavailable if a server that has to answer does not, or is no collector; Refused if
    one runs but does not answer to this client, unless a ``store`` is named.
    """
    told = os.environ.get("DURASCOPE_SERVER")
    if server or (told and writes and store is None):
        return _remote(server or told or "", None)
    if isinstance(store, ClickHouseUrl) and not store.embedded:
        return None
    try:
        return _remote(told or DEFAULT_SERVER, store)
    except Refused:
        if store is None:  # its store may well be the default one, and would be passed by in silence
            raise
    except StoreUnavailable:
        pass
    return None


def _remote(server: str, store: Location | None) -> "RemoteReader":
    """A collector that answers and, if ``store`` is named, owns it."""
    from durascope_dashboard.remote_reader import RemoteReader

    reader = RemoteReader(server, token=os.environ.get("DURASCOPE_TOKEN"))
    try:
        owned = str(reader.health().get("store"))
        if store is not None and not _same(owned, store):
            raise StoreUnavailable(f"the collector at {server} owns the store {owned}, not {store}")
    except BaseException:
        reader.close()
        raise
    return reader


def _same(owned: str, store: Location) -> bool:
    if isinstance(store, ClickHouseUrl):
        return owned == str(store)
    return os.path.realpath(owned) == os.path.realpath(store)


def _open(location: Location) -> Reader:
    from durascope_dashboard.local_reader import LocalReader

    return LocalReader(open_store(location, read_only=True))
