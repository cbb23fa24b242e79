"""Reaching ClickHouse: always through clickhouse-connect, a server by HTTP and chDB in this process alike."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from durascope_dashboard.exceptions import StoreUnavailable
from durascope_dashboard.store.location import ClickHouseUrl

# Of a join's missing side ClickHouse makes 0 and '' unless told otherwise; and an alias hides the column it is named
# like, in every part of a query.
SETTINGS: Final = {"join_use_nulls": 1, "prefer_column_name_to_alias": 1}
UNKNOWN_DATABASE: Final = 81
TIMEOUT_EXCEEDED: Final = 159
_WORDS: Final = 300


@contextmanager
def explained(url: ClickHouseUrl) -> Iterator[None]:
    """Errors of the engine, and of the way to it, as one sentence. Raises StoreUnavailable."""
    from clickhouse_connect.driver.exceptions import Error

    try:
        yield
    except Error as error:
        raise StoreUnavailable(
            f"ClickHouse at {url} refused or did not answer ({said(error)}); check the URL, the server and the rights "
            "of its user"
        ) from error


def said(error: BaseException) -> str:
    """An error of ClickHouse in one line, without the stack that follows it."""
    line = (str(error).splitlines() or [type(error).__name__])[0]
    return line if len(line) <= _WORDS else f"{line[:_WORDS]}..."


def connect(url: ClickHouseUrl, *, create: bool) -> Any:
    """A client of the URL's database, which is made if ``create``. Raises StoreUnavailable."""
    _need("clickhouse_connect", url)
    if url.embedded:
        _need("chdb", url)
        return _embedded(url, create=create)
    from clickhouse_connect.driver.exceptions import DatabaseError

    with explained(url):
        try:
            return _server(url, url.database)
        except DatabaseError as error:
            if not create or error.code != UNKNOWN_DATABASE:
                raise
        first = _server(url, None)
        first.command(f"CREATE DATABASE IF NOT EXISTS {url.database}")
        first.close()
        return _server(url, url.database)


def _server(url: ClickHouseUrl, database: str | None) -> Any:
    import clickhouse_connect

    return clickhouse_connect.get_client(
        host=url.host, port=url.port, username=url.user, password=url.password or "", database=database,
        interface="https" if url.scheme == "clickhouses" else "http", settings=dict(SETTINGS),
        # Sessions would allow one question at a time.
        autogenerate_session_id=False, client_name="durascope", **_options(url),
    )  # fmt: skip


def _options(url: ClickHouseUrl) -> dict[str, Any]:
    given: dict[str, Any] = dict(url.options)
    for name in ("connect_timeout", "send_receive_timeout"):
        if name in given:
            given[name] = _seconds(url, name, given[name])
    if "verify" in given:
        given["verify"] = given["verify"].lower() not in ("0", "false", "no")
    return given


def _seconds(url: ClickHouseUrl, name: str, text: str) -> int:
    if not text.isdigit():
        raise StoreUnavailable(f"the option {name} of the store {url} is not a whole number of seconds; correct it")
    return int(text)


def _embedded(url: ClickHouseUrl, *, create: bool) -> Any:
    import clickhouse_connect

    folder = Path(url.folder)
    if not folder.is_dir() and not create:
        raise StoreUnavailable(f"there is no store at {url}; start one with: durascope collect --store {url}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"the folder of {url} cannot be made ({error.strerror}); name another") from error
    with explained(url):
        client = clickhouse_connect.get_client(interface="chdb", path=url.folder, settings=dict(SETTINGS))
        try:
            if create:
                client.command(f"CREATE DATABASE IF NOT EXISTS {url.database}")
            client.command(f"USE {url.database}", use_database=False)
        except BaseException:
            client.close()
            raise
        return client


def _need(module: str, url: ClickHouseUrl) -> None:
    try:
        importlib.import_module(module)
    except ImportError as error:
        what = "pip install 'durascope[clickhouse]'" if module == "clickhouse_connect" else f"pip install {module}"
        raise StoreUnavailable(f"the store {url} needs a package that is not installed ({error}); {what}") from error
