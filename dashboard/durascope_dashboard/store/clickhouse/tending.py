"""A ClickHouse store as a whole: merged, written out as Parquet, filled from Parquet. Collectors may run meanwhile.

An export is the same folder whichever engine it comes from, so it is the way from DuckDB to ClickHouse and back.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from durascope_dashboard.store import keys, schema
from durascope_dashboard.store.clickhouse import rows
from durascope_dashboard.store.clickhouse_store import ClickHouseStore
from durascope_dashboard.store.location import ClickHouseUrl
from durascope_dashboard.store.maintenance import check_manifest, new_export

ROWS: Final = 50_000  # in memory at once, and a run's more
_SPAN: Final = ("trace_id", "span_id", "received")


def vacuum(url: ClickHouseUrl) -> tuple[int, int]:
    """Merge every table to the end, without deleted and replaced rows; bytes before and after."""
    with ClickHouseStore(url) as store:
        before = _bytes(store)
        for table in schema.TABLES:
            store.merge(table)
        return before, _bytes(store)


def export(url: ClickHouseUrl, folder: Path) -> Iterator[tuple[str, int]]:
    """One Parquet file a table in a new folder; yields each table's name and rows. Raises UsageError."""
    with new_export(folder), ClickHouseStore(url, read_only=True) as store:
        for table, columns in schema.TABLES.items():
            count = 0
            with pq.ParquetWriter(folder / f"{table}.parquet", columns, compression="zstd") as file:
                for part in store.parts(table):
                    file.write_table(part)
                    count += part.num_rows
            yield table, count


def import_(url: ClickHouseUrl, folder: Path) -> Iterator[tuple[str, int]]:
    """Add what ``export`` wrote; yields each table's name and how many rows were new.

    What the store knows already stays as it is: the same folder twice changes nothing. Runs that both know are joined
    again by the next collector. Raises StoreIncompatible, StoreUnavailable.
    """
    check_manifest(folder)
    with ClickHouseStore(url) as store:
        both = _in_both(store, folder)
        for table in schema.TABLES:
            added = 0
            for part in _by_run(folder / f"{table}.parquet", table):
                new = _unknown(store, table, part)
                if new.num_rows:
                    store.append(table, new)
                added += new.num_rows
            yield table, added
        if both.num_rows:
            store.replace(both, {"operations": None, "attempts": None, "runs": None})


def _in_both(store: ClickHouseStore, folder: Path) -> pa.Table:
    runs = rows.distinct_runs(pq.read_table(folder / "runs.parquet", columns=list(schema.RUN_KEY)))
    return _where(runs, store.present("runs", schema.RUN_KEY, runs), known=True)


def _by_run(file: Path, table: str) -> Iterator[pa.Table]:
    """The rows of a file in parts that never divide a run; sorted by DuckDB, which uses the disk if need be."""
    run = ", ".join(schema.RUN_KEY)
    order = f"{run}, seq" if table == "spans" else run
    with duckdb.connect() as connection:
        asked = connection.sql(f"SELECT * FROM read_parquet(?) ORDER BY {order}", params=[str(file)])
        batches: Any = asked.to_arrow_reader(ROWS)
        held = schema.TABLES[table].empty_table()
        for batch in batches:
            part = _conformed(pa.Table.from_batches([batch]), schema.TABLES[table])
            held = pa.concat_tables([held, part])
            last = held.slice(held.num_rows - 1).select(schema.RUN_KEY)
            complete = int((rows.positions(last, held) < 0).sum())
            yield held.slice(0, complete)
            held = held.slice(complete)
        yield held


def _conformed(part: pa.Table, columns: pa.Schema) -> pa.Table:
    """With every column of the schema: an older export lacks the newest, which are unknown then."""
    for field in columns:
        if field.name not in part.schema.names:
            part = part.append_column(field, pa.nulls(part.num_rows, field.type))
    return part.select(columns.names).cast(columns)


def _unknown(store: ClickHouseStore, table: str, part: pa.Table) -> pa.Table:
    if table in keys.REPLACED_BY_RUN:
        key: tuple[str, ...] = schema.RUN_KEY
    else:
        key = {"spans": _SPAN, "span_attempts": (*schema.ATTEMPT_KEY, "begun_only")}.get(table, schema.ATTEMPT_KEY)
    if not part.num_rows:
        return part
    return _where(part, store.present(table, key, rows.distinct_runs(part)), known=False)


def _where(part: pa.Table, present: pa.Table, *, known: bool) -> pa.Table:
    """Rows whose key is, or is not, among those that are present; in their order."""
    numbered = part.append_column("row_", pa.array(range(part.num_rows), pa.int64()))
    kind = "left semi" if known else "left anti"
    left = numbered.select([*present.schema.names, "row_"])
    found = left.join(present, keys=present.schema.names, join_type=kind)["row_"].combine_chunks()
    return part.take(found.sort())


def _bytes(store: ClickHouseStore) -> int:
    return int(store.info()["bytes"][0].as_py())
