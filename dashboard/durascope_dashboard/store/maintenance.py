"""A store file as a whole: rewritten without its holes, written out as Parquet, read in again.

All of it needs the file to itself: with a collector running it is refused with the sentence that says so.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from durascope_dashboard.exceptions import StoreIncompatible, StoreUnavailable, UsageError
from durascope_dashboard.store import ddl, keys, migrations, opening, schema
from durascope_dashboard.store.duckdb_store import DuckStore

MANIFEST: Final = "durascope.json"
_KEY: Final = ", ".join(schema.RUN_KEY)
_SPAN: Final = "trace_id, span_id, received"


def vacuum(path: Path) -> tuple[int, int]:
    """Write the store anew beside itself, then put the new file in its place; bytes before and after.

    Needs as much free space as the store uses. Until the last moment the old file is untouched.
    """
    _must_exist(path)
    fresh = path.with_name(f"{path.name}.vacuum")
    fresh.unlink(missing_ok=True)
    try:
        with opening.explained(path), DuckStore(path) as store:  # also brings an older one up to date
            _must_be_known(path, store)
            store.checkpoint()
            before = path.stat().st_size
            store.execute(f"ATTACH {_literal(fresh)} AS fresh")
            store.execute(ddl.create_meta(database="fresh."))
            for table in schema.TABLES:
                store.execute(ddl.create_table(table, database="fresh."))
            for table in ("meta", *schema.TABLES):
                order = " ORDER BY rowid" if table in keys.APPENDED else ""
                store.execute(f"INSERT INTO fresh.{table} BY NAME SELECT * FROM {table}{order}")
            store.execute("CHECKPOINT fresh")
            store.execute("DETACH fresh")
        fresh.replace(path)
    finally:
        for left in (fresh, Path(f"{fresh}.wal")):
            left.unlink(missing_ok=True)
    return before, path.stat().st_size


def export(path: Path, folder: Path) -> Iterator[tuple[str, int]]:
    """One Parquet file a table in a new folder; yields each table's name and rows. Raises UsageError."""
    with opening.explained(path), new_export(folder), DuckStore(path, read_only=True) as store:
        for table in schema.TABLES:
            file = folder / f"{table}.parquet"
            store.cursor().execute(f"COPY {table} TO {_literal(file)} (FORMAT parquet, COMPRESSION zstd)")
            yield table, int(store.sql(f"SELECT count(*) AS n FROM {table}")["n"][0].as_py())


def import_(path: Path, folder: Path) -> Iterator[tuple[str, int]]:
    """Add what ``export`` wrote; yields each table's name and how many rows were new.

    What the store knows already stays as it is: the same folder twice changes nothing. Runs that both know are joined
    again by the next collector. Raises StoreIncompatible, StoreUnavailable.
    """
    check_manifest(folder)
    with opening.explained(path), DuckStore(path) as store:
        for table in schema.TABLES:
            _show(store, table, folder / f"{table}.parquet")
        store.execute(f"CREATE TEMP TABLE in_both AS SELECT {_KEY} FROM from_runs SEMI JOIN runs USING ({_KEY})")
        first = store.next_seq()
        for table in schema.TABLES:
            before = _count(store, table)
            store.execute(_addition(table, first))
            yield table, _count(store, table) - before
        for table in ("operations", "attempts", "runs"):
            store.execute(f"DELETE FROM {table} AS t USING in_both AS k WHERE t.run_id = k.run_id")


def _show(store: DuckStore, table: str, file: Path) -> None:
    try:
        store.execute(f"CREATE TEMP VIEW from_{table} AS SELECT * FROM read_parquet({_literal(file)})")
    except duckdb.Error as error:
        raise StoreIncompatible(
            f"{file} cannot be read ({opening.first_line(error)}); export the store again"
        ) from error


def _addition(table: str, first_seq: int) -> str:
    if table == "spans":
        columns = f"* REPLACE (({first_seq} + row_number() OVER (ORDER BY seq)) AS seq)"
        return f"INSERT INTO spans BY NAME SELECT {columns} FROM from_spans ANTI JOIN spans USING ({_SPAN})"
    if table == "span_attempts":
        unique = ", ".join((*schema.ATTEMPT_KEY, "begun_only"))
        return f"INSERT INTO {table} BY NAME SELECT * FROM from_{table} ANTI JOIN {table} USING ({unique})"
    if table == "observations":
        unique = ", ".join(schema.ATTEMPT_KEY)
        return f"INSERT INTO {table} BY NAME SELECT * FROM from_{table} ANTI JOIN {table} USING ({unique})"
    return (
        f"INSERT INTO {table} BY NAME SELECT * FROM from_{table} "
        f"ANTI JOIN (SELECT DISTINCT {_KEY} FROM {table}) USING ({_KEY})"
    )


def _count(store: DuckStore, table: str) -> int:
    return int(store.sql(f"SELECT count(*) AS n FROM {table}")["n"][0].as_py())


@contextmanager
def new_export(folder: Path) -> Iterator[None]:
    """The folder that an export fills; its manifest comes last, so that half an export is none. Raises UsageError."""
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"the folder {folder} is not empty; name a new one")
    folder.mkdir(parents=True, exist_ok=True)
    yield
    (folder / MANIFEST).write_text(json.dumps({"schema_version": schema.SCHEMA_VERSION}) + "\n")


def check_manifest(folder: Path) -> None:
    """Raises StoreUnavailable or StoreIncompatible for a folder that holds no export of ours that can be read."""
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise StoreUnavailable(f"{folder} holds no store export: there is no {MANIFEST} in it; name another folder")
    try:
        version = int(json.loads(manifest.read_text())["schema_version"])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreIncompatible(f"{manifest} cannot be read ({error}); export the store again") from error
    if version > schema.SCHEMA_VERSION:
        raise StoreIncompatible(
            f"{folder} was exported with schema version {version} and this Durascope reads up to "
            f"{schema.SCHEMA_VERSION}; upgrade Durascope"
        )


def _must_exist(path: Path) -> None:
    if not path.exists():
        raise StoreUnavailable(f"there is no store at {path}; name one with --store")


def _must_be_known(path: Path, store: DuckStore) -> None:
    """What this version does not know it cannot write anew."""
    if strange := migrations.unknown(store.cursor()):
        table, column = strange[0]
        raise StoreIncompatible(
            f"the store {path} has the column {table}.{column}, which this Durascope does not know and would lose; "
            "upgrade Durascope"
        )


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
