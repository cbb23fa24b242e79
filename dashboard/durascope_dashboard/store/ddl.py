"""Arrow schemas to DuckDB tables. Bulky JSON columns are compressed with zstd; there are no indexes."""

import pyarrow as pa

from durascope_dashboard.store import schema

_TYPES = {pa.string(): "VARCHAR", pa.int64(): "BIGINT", pa.float64(): "DOUBLE", pa.bool_(): "BOOLEAN"}
_BULKY = {("spans", "attributes"), ("spans", "events"), ("spans", "resource")}


def column(table: str, field: pa.Field, *, compress: bool = True) -> str:
    """One column definition; a column that is added to a table cannot state its compression."""
    text = f'"{field.name}" {_TYPES[field.type]}'
    return f"{text} USING COMPRESSION zstd" if compress and (table, field.name) in _BULKY else text


def create_table(table: str, *, database: str = "") -> str:
    """``CREATE TABLE IF NOT EXISTS`` of one of ``schema.TABLES``; ``database``: another one, with its dot."""
    columns = ", ".join(column(table, field) for field in schema.TABLES[table])
    return f'CREATE TABLE IF NOT EXISTS {database}"{table}" ({columns})'


def create_meta(*, database: str = "") -> str:
    """The table of small values beside the data."""
    return f"CREATE TABLE IF NOT EXISTS {database}meta (key VARCHAR PRIMARY KEY, value VARCHAR)"
