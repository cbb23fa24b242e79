"""Where a store is, from what `--store` says: a file (DuckDB), or the URL of a ClickHouse database.

    FILE                                        DuckDB, owned by one collector
    clickhouse://USER:PASSWORD@HOST:8123/DATABASE    ClickHouse over HTTP; clickhouses:// over HTTPS
    chdb:///FOLDER                              ClickHouse in this process (chDB): for trials and tests

A URL's password is never shown: ``str`` and ``repr`` leave it out, ``secret_text`` is for handing it to a child.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from durascope_dashboard.exceptions import UsageError

if TYPE_CHECKING:
    from durascope_dashboard.store.engine import Store

DATABASE: Final = "durascope"
_SCHEMES: Final = {"clickhouse": 8123, "clickhouses": 8443, "chdb": 0}
_OPTIONS: Final = ("verify", "ca_cert", "connect_timeout", "send_receive_timeout")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class ClickHouseUrl:
    """A database of a ClickHouse server or, with ``folder``, of chDB in this process."""

    scheme: str
    host: str = ""
    port: int = 0
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    folder: str = ""
    database: str = DATABASE
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def embedded(self) -> bool:
        """Whether the engine runs in this process, which then is the only one to use the folder."""
        return self.scheme == "chdb"

    def __str__(self) -> str:
        return self._text(None if self.password is None else "***")

    @property
    def secret_text(self) -> str:
        """The URL with its password."""
        return self._text(None if self.password is None else quote(self.password, safe=""))

    def _text(self, password: str | None) -> str:
        if self.embedded:
            return f"chdb://{self.folder}" + ("" if self.database == DATABASE else f"?database={self.database}")
        who = "" if self.user is None else quote(self.user, safe="")
        who += "" if password is None else f":{password}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        options = "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(self.options.items()))
        where = f"{who}@{host}" if who else host
        return f"{self.scheme}://{where}:{self.port}/{self.database}" + (f"?{options}" if options else "")


Location = Path | ClickHouseUrl


def parse_location(text: str | Path | ClickHouseUrl) -> Location:
    """What `--store` says. Raises UsageError, which never repeats a password."""
    if not isinstance(text, str):
        return text
    scheme, separator, _ = text.partition("://")
    if not separator:
        return Path(text)
    if scheme not in _SCHEMES:
        raise UsageError(
            f"a store of the kind {scheme}:// is not known; name a file, or clickhouse://HOST:8123/DATABASE"
        )
    try:
        return _embedded(text) if scheme == "chdb" else _server(scheme, text)
    except ValueError as error:
        raise UsageError(
            f"the store's URL cannot be read ({error}); write clickhouse://USER:PASSWORD@HOST:8123/DATABASE, with "
            "special characters of the password percent-encoded"
        ) from None


def secret_text(location: Location) -> str:
    """A location as a child process reads it from DURASCOPE_STORE; on a command line others would see a password."""
    return location.secret_text if isinstance(location, ClickHouseUrl) else str(location)


def open_store(location: str | Location, *, read_only: bool = False) -> "Store":
    """Open a store of either engine. Raises UsageError, StoreUnavailable, StoreLocked, StoreIncompatible."""
    found = parse_location(location)
    if isinstance(found, ClickHouseUrl):
        from durascope_dashboard.store.clickhouse_store import ClickHouseStore

        return ClickHouseStore(found, read_only=read_only)
    from durascope_dashboard.store.duckdb_store import DuckStore

    return DuckStore(found, read_only=read_only)


def _server(scheme: str, text: str) -> ClickHouseUrl:
    parts = urlsplit(text)
    try:
        port = parts.port or _SCHEMES[scheme]
    except ValueError:
        raise ValueError("its port is not a number") from None
    if not parts.hostname:
        raise ValueError("it names no host")
    options = dict(parse_qsl(parts.query))
    wrong = sorted(options.keys() - set(_OPTIONS))
    if wrong:
        raise ValueError(f"it has the option {wrong[0]!r}; there are: {', '.join(_OPTIONS)}")
    # As clickhouse-client has it: what the URL leaves out is in the environment.
    user = unquote(parts.username) if parts.username else os.environ.get("CLICKHOUSE_USER")
    password = unquote(parts.password) if parts.password is not None else os.environ.get("CLICKHOUSE_PASSWORD")
    database = _database(unquote(parts.path).strip("/"))
    return ClickHouseUrl(scheme, parts.hostname, port, user, password, database=database, options=options)


def _embedded(text: str) -> ClickHouseUrl:
    parts = urlsplit(text)
    options = dict(parse_qsl(parts.query))
    if parts.netloc or not parts.path.strip("/"):
        raise ValueError("it names no folder: three slashes, as in chdb:///var/lib/durascope")
    database = _database(options.pop("database", ""))
    if options:
        raise ValueError(f"it has the option {min(options)!r}; there is: database")
    return ClickHouseUrl("chdb", folder=unquote(parts.path), database=database)


def _database(name: str) -> str:
    if name and not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a database")
    return name or DATABASE
