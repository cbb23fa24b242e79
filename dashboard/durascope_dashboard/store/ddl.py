"""Arrow schemas to DuckDB tables. Bulky JSON columns are compressed with zstd; there are no indexes."""

from collections.abc import Iterator

import pyarrow as pa

from durascope_dashboard.store import schema

_TYPES = {pa.string(): "VARCHAR", pa.int64(): "BIGINT", pa.float64(): "DOUBLE", pa.bool_(): "BOOLEAN"}
_BULKY = {("spans", "attributes"), ("spans", "events"), ("spans", "resource")}


def column(table: str, field: pa.Field) -> str:
    """One column definition."""
    text = f'"{field.name}" {_TYPES[field.type]}'
    return f"{text} USING COMPRESSION zstd" if (table, field.name) in _BULKY else text


def create_table(table: str) -> str:
    """``CREATE TABLE IF NOT EXISTS`` of one of ``schema.TABLES``."""
    columns = ", ".join(column(table, field) for field in schema.TABLES[table])
    return f'CREATE TABLE IF NOT EXISTS "{table}" ({columns})'


def create_all() -> Iterator[str]:
    """Statements that make an empty store of the present version."""
    yield "CREATE TABLE IF NOT EXISTS meta (key VARCHAR PRIMARY KEY, value VARCHAR)"
    yield f"INSERT OR IGNORE INTO meta VALUES ('schema_version', '{schema.SCHEMA_VERSION}')"
    for table in schema.TABLES:
        yield create_table(table)
