"""Rows of many runs as one row a run, with a list for each column: what ``X_stored`` of a packed table holds."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from durascope_dashboard.store import schema

_BETWEEN = "\x1f"  # in no id: the server that gives them out allows no control characters


def distinct_runs(*tables: pa.Table) -> pa.Table:
    """The run keys of these tables, each once."""
    fields = [pa.field(name, pa.string()) for name in schema.RUN_KEY]
    parts = [table.select(schema.RUN_KEY).cast(pa.schema(fields)) for table in tables]
    return pa.concat_tables(parts).group_by(list(schema.RUN_KEY)).aggregate([])


def _texts(table: pa.Table) -> pa.Array:
    columns = [table[name].combine_chunks() for name in schema.RUN_KEY]
    return pc.binary_join_element_wise(*columns, _BETWEEN)


def positions(runs: pa.Table, rows: pa.Table) -> npt.NDArray[np.int64]:
    """Which of ``runs`` each row belongs to; -1: none of them."""
    found = pc.fill_null(pc.index_in(_texts(rows), value_set=_texts(runs)), -1)
    return np.asarray(found.to_numpy(zero_copy_only=False), np.int64)


def packed(table: str, runs: pa.Table, rows: pa.Table) -> pa.Table:
    """One row for each of ``runs``, also for those of which there are no rows; rows keep their order."""
    where = positions(runs, rows)
    order = np.argsort(where, kind="stable")
    order = order[np.count_nonzero(where < 0) :]
    counts = np.bincount(where[where >= 0], minlength=runs.num_rows)
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    sorted_rows = rows.take(pa.array(order))
    made = {name: runs[name] for name in schema.RUN_KEY}
    for field in schema.TABLES[table]:
        if field.name not in schema.RUN_KEY:
            values = _whole(sorted_rows[field.name])
            made[f"r.{field.name}"] = pa.ListArray.from_arrays(offsets, values)
    return pa.table(made)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    found = column.combine_chunks()
    return found if isinstance(found, pa.Array) else pa.concat_arrays(found.chunks)


def chunks(run_keys: Sequence[tuple[str, str, str]], most_bytes: int) -> list[list[tuple[str, str, str]]]:
    """The keys in lists that are short enough for one question."""
    found: list[list[tuple[str, str, str]]] = []
    size = most_bytes
    for key in run_keys:
        length = sum(map(len, key)) + 12
        if size + length > most_bytes:
            found.append([])
            size = 0
        found[-1].append(key)
        size += length
    return found


def literals(run_keys: Sequence[tuple[str, str, str]]) -> str:
    """Keys as they stand in SQL. A statement's parameters would go into its URL, which proxies cut short."""
    return ", ".join(f"({', '.join(map(_literal, key))})" for key in run_keys)


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
