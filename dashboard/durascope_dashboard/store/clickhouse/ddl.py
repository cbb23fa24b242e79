"""Arrow schemas to ClickHouse tables: ``X_stored`` holds rows as they merge, the view ``X`` shows what stands.

spans           MergeTree                every row, duplicates too; a month a partition, of when it was received
span_attempts   ReplacingMergeTree       a row an attempt and kind of evidence; the latest stands
observations    AggregatingMergeTree     a row an attempt; what was seen once stays seen (keys.REMEMBERED)
runs, history_runs                       ReplacingMergeTree, a row a run; the highest version stands
operations, attempts, history_*          the same, with all that one run has of them as arrays of one row

There are no transactions: so what is replaced run by run (keys.py) is one row a run, which replaces the one before it
as a whole. A run's rows never mix two joins, whoever writes at the same time, and none that is gone stays.
"""

from collections.abc import Iterator
from typing import Final

import pyarrow as pa

from durascope_dashboard.store import keys, schema

PACKED: Final = tuple(name for name in keys.REPLACED_BY_RUN if name not in ("runs", "history_runs"))
_TYPES: Final = {pa.string(): "String", pa.int64(): "Int64", pa.float64(): "Float64", pa.bool_(): "Bool"}
_RUN: Final = ", ".join(schema.RUN_KEY)
_BULKY: Final = frozenset({"attributes", "events", "resource"})
_FEW: Final = frozenset({
    "kind", "status", "source", "retry_by", "service", "scope", "agent", "model", "worker", "task_queue", "build_id",
    "workflow_type", "activity_type", "operation_kind", "error_type", "waiting_for", "current_status",
})  # fmt: skip
# Columns of a sorting key, which cannot be null.
_SORTED: Final = {
    "spans": ("trace_id", "span_id", "seq"),
    "span_attempts": ("activity_id", "attempt", "begun_only"),
    "observations": ("activity_id", "attempt"),
}
WRITTEN: Final = "_written Int64 MATERIALIZED toUnixTimestamp64Micro(now64(6))"
_OWN: Final = ("_version Int64", "_writer LowCardinality(String)", WRITTEN, "INDEX by_written _written TYPE minmax")


def column(table: str, field: pa.Field) -> str:
    """The ClickHouse type of a column: what may be unknown is Nullable, also where only a sum over it is asked."""
    if field.name == "namespace":
        return "LowCardinality(String)"
    base = _TYPES[field.type]
    if field.name in schema.RUN_KEY or field.name in _SORTED.get(table, ()):
        return base
    few = field.name in _FEW and field.type == pa.string()
    return f"LowCardinality(Nullable({base}))" if few else f"Nullable({base})"


def stored_columns(table: str) -> dict[str, str]:
    """Name -> type and codec of ``X_stored``'s columns that come from the schema."""
    packed = table in PACKED
    found: dict[str, str] = {}
    for field in schema.TABLES[table]:
        kind = column(table, field)
        if packed and field.name not in schema.RUN_KEY:
            found[f"`r.{field.name}`"] = f"Array({kind})"
        else:
            found[f"`{field.name}`"] = kind + (" CODEC(ZSTD(3))" if field.name in _BULKY else "")
    return found


def create_tables() -> Iterator[str]:
    """Statements that make every ``X_stored``."""
    yield (
        "CREATE TABLE IF NOT EXISTS meta_stored (key String, value String, _version Int64) "
        "ENGINE = ReplacingMergeTree(_version) ORDER BY key"
    )
    for table in schema.TABLES:
        if table == "observations":
            yield from _create_observations()
        else:
            yield _create(table)


def _create(table: str) -> str:
    own, engine, order = list(_OWN), "ReplacingMergeTree(_version)", _RUN
    if table == "spans":
        engine, own = "MergeTree", [item for item in own if not item.startswith("_version")]
        own += [f"INDEX by_{name} {name} TYPE minmax" for name in ("start", "received")]
        own.append("INDEX by_trace trace_id TYPE bloom_filter(0.01)")
    if table in _SORTED:
        order = ", ".join((*schema.RUN_KEY, *_SORTED[table]))
    part = " PARTITION BY toYYYYMM(fromUnixTimestamp64Micro(ifNull(received, 0), 'UTC'))" if table == "spans" else ""
    columns = ", ".join([*(f"{name} {kind}" for name, kind in stored_columns(table).items()), *own])
    return f"CREATE TABLE IF NOT EXISTS {table}_stored ({columns}) ENGINE = {engine}{part} ORDER BY ({order})"


def create_views() -> Iterator[tuple[str, str]]:
    """(name, SELECT) of the view ``X`` of every table."""
    for table in schema.TABLES:
        names = schema.TABLES[table].names
        if table == "observations":
            yield table, _observations_view()
        elif table in PACKED:
            rest = [name for name in names if name not in schema.RUN_KEY]
            arrays = ", ".join(f"`r.{name}` AS `{name}`" for name in rest)
            yield table, f"SELECT {_list(names)} FROM {table}_stored FINAL ARRAY JOIN {arrays}"
        else:
            final = "" if table == "spans" else " FINAL"
            yield table, f"SELECT {_list(names)} FROM {table}_stored{final}"


# -- observations: inserted into a table that keeps nothing, from which a view makes the states that are kept ---------


def _split() -> tuple[list[str], list[str]]:
    """Columns that the last row says, and those that are remembered."""
    rest = [n for n in schema.OBSERVATIONS.names if n not in schema.ATTEMPT_KEY]
    return [n for n in rest if n not in keys.REMEMBERED], [n for n in rest if n in keys.REMEMBERED]


def _nullable(name: str) -> str:
    return f"Nullable({_TYPES[schema.OBSERVATIONS.field(name).type]})"


def _create_observations() -> Iterator[str]:
    said, remembered = _split()
    key = [f"{name} {column('observations', schema.OBSERVATIONS.field(name))}" for name in schema.ATTEMPT_KEY]
    plain = [f"{name} {_nullable(name)}" for name in (*said, *remembered)]
    taken = ", ".join([*key, *plain, "_version Int64", "_writer String"])
    yield f"CREATE TABLE IF NOT EXISTS observations_in ({taken}) ENGINE = Null"
    states = [f"said AggregateFunction(argMax, Tuple({', '.join(map(_nullable, said))}), Int64)"]
    states += [f"{name} AggregateFunction(argMax, {_nullable(name)}, Int64)" for name in remembered]
    states += ["_writer AggregateFunction(argMax, String, Int64)", "_written SimpleAggregateFunction(max, Int64)"]
    order = ", ".join(schema.ATTEMPT_KEY)
    yield (
        f"CREATE TABLE IF NOT EXISTS observations_stored ({', '.join([*key, *states])}, "
        f"INDEX by_written _written TYPE minmax) ENGINE = AggregatingMergeTree ORDER BY ({order})"
    )


def observations_states() -> str:
    """SELECT of the materialised view that fills ``observations_stored``."""
    said, remembered = _split()
    key = ", ".join(schema.ATTEMPT_KEY)
    states = [f"argMaxState(tuple({', '.join(said)}), o._version) AS said"]
    states += [f"argMaxState(o.{name}, o._version) AS {name}" for name in remembered]
    states += ["argMaxState(o._writer, o._version) AS _writer", "max(toUnixTimestamp64Micro(now64(6))) AS _written"]
    return f"SELECT {key}, {', '.join(states)} FROM observations_in AS o GROUP BY {key}"


def _observations_view() -> str:
    said, remembered = _split()
    key = ", ".join(schema.ATTEMPT_KEY)
    merged = ["argMaxMerge(o.said) AS said_", *(f"argMaxMerge(o.{name}) AS {name}_" for name in remembered)]
    of = {name: f"tupleElement(said_, {i})" for i, name in enumerate(said, 1)}
    of |= {name: f"{name}_" for name in remembered}
    shown = ", ".join(f"{of[n]} AS {n}" if n in of else n for n in schema.OBSERVATIONS.names)
    return f"SELECT {shown} FROM (SELECT {key}, {', '.join(merged)} FROM observations_stored AS o GROUP BY {key})"


def _list(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
