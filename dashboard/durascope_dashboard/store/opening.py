"""Opening a DuckDB file without harming it: what is wrong is one sentence, and the file stays as it was."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from durascope_dashboard.exceptions import StoreIncompatible, StoreLocked, StoreUnavailable
from durascope_dashboard.store import migrations, schema

_HOLDER = re.compile(r"PID (\d+)")


def open_checked(path: Path, *, read_only: bool, config: Mapping[str, str]) -> duckdb.DuckDBPyConnection:
    """Connect, after a read-only look at what an existing file is. Raises the StoreUnavailable family."""
    if path.exists():
        _check(path, read_only=read_only)
    elif read_only:
        raise StoreUnavailable(
            f"there is no collector running and no store at {path}; start one with: durascope collect --store {path}"
        )
    else:
        _make_parent(path)
    return _connect(path, read_only=read_only, config=config)


def _make_parent(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(
            f"the folder {path.parent} for the store cannot be made ({error.strerror}); name another with --store"
        ) from error


def _check(path: Path, *, read_only: bool) -> None:
    """A writable open would replay the log and may convert the file, so look read-only first."""
    if path.is_dir():
        raise StoreUnavailable(f"{path} is a folder, not a store file; name a file with --store")
    with explained(path), duckdb.connect(str(path), read_only=True) as connection:
        present = migrations.present(connection)
        if not present:
            return  # an empty database: ours to fill
        _check_version(path, connection, {("meta", "key"), ("meta", "value")} <= present)
        if read_only and migrations.missing(connection):
            raise StoreIncompatible(
                f"the store {path} was written by an older Durascope; bring it up to date, keeping every row, with: "
                f"durascope store upgrade --store {path}"
            )


def _check_version(path: Path, connection: duckdb.DuckDBPyConnection, has_meta: bool) -> None:
    select = "SELECT value FROM meta WHERE key = 'schema_version'"
    found = connection.execute(select).fetchone() if has_meta else None
    if found is None:
        raise StoreIncompatible(f"{path} is a DuckDB file but not a Durascope store; name another with --store")
    if not str(found[0]).isdigit() or int(found[0]) > schema.SCHEMA_VERSION:
        raise StoreIncompatible(
            f"the store {path} has schema version {found[0]} and this Durascope reads up to {schema.SCHEMA_VERSION}; "
            "upgrade Durascope or name another file with --store"
        )


def _connect(path: Path, *, read_only: bool, config: Mapping[str, str]) -> duckdb.DuckDBPyConnection:
    with explained(path):
        return duckdb.connect(str(path), read_only=read_only, config=dict(config))


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """What DuckDB says of a file, also long after it was opened, as one sentence. Raises StoreUnavailable."""
    try:
        yield
    except duckdb.Error as error:
        raise _explained(path, error) from error


def first_line(error: BaseException) -> str:
    """An error as one line: DuckDB adds a stack to some."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def _explained(path: Path, error: duckdb.Error) -> StoreUnavailable:
    text = str(error)
    if "lock" in text.lower() and "conflicting" in text.lower():
        holder = _HOLDER.search(text)
        by = f"process {holder[1]}" if holder else "another process"
        return StoreLocked(
            f"the store {path} is in use by {by}; if that is a collector, point --server or DURASCOPE_SERVER at it, "
            "else stop it first"
        )
    if "permission denied" in text.lower():
        return StoreUnavailable(f"the store {path} may not be read or written by this user; name another with --store")
    first = first_line(error)
    return StoreUnavailable(
        f"the store {path} cannot be read as a DuckDB file ({first}); it was left as it is: restore a copy, "
        "or name another file with --store"
    )
