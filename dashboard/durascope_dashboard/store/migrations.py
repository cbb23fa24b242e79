"""From an older store to the present one, in place, keeping every row.

Tables and columns that are new are added by themselves (their value in old rows is unknown, which is null). Whatever
else changes between two versions has its statements in ``STEPS``, which run once, in one transaction with the rest.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import duckdb

from durascope_dashboard.store import ddl, schema

# version -> statements that lead to it from the version before
STEPS: Final[Mapping[int, tuple[str, ...]]] = {}


def present(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    """(table, column) of all that is in the file."""
    rows = connection.execute("SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal").fetchall()
    return {(str(table), str(column)) for table, column in rows}


def unknown(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """(table, column) of what the file has and this version does not know: a newer one put it there, or somebody."""
    known = {(table, name) for table, fields in schema.TABLES.items() for name in fields.names}
    return sorted(present(connection) - known - {("meta", "key"), ("meta", "value")})


def missing(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Statements that add what the file has not yet; none for a store of the present shape."""
    found = present(connection)
    tables = {table for table, _ in found}
    added = [ddl.create_table(table) for table in schema.TABLES if table not in tables]
    for table, fields in schema.TABLES.items():
        if table in tables:
            new = (field for field in fields if (table, field.name) not in found)
            added += [f'ALTER TABLE "{table}" ADD COLUMN {ddl.column(table, field, compress=False)}' for field in new]
    return added


def migrate(connection: duckdb.DuckDBPyConnection) -> None:
    """Bring an open, writable store to ``schema.SCHEMA_VERSION``: all of it or, on an error, nothing."""
    connection.execute("BEGIN")
    try:
        for statement in _statements(connection):
            connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _statements(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    yield ddl.create_meta()
    row = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    found = schema.SCHEMA_VERSION if row is None else int(row[0])
    yield from missing(connection)
    for version in range(found + 1, schema.SCHEMA_VERSION + 1):
        yield from STEPS.get(version, ())
    yield f"INSERT OR REPLACE INTO meta VALUES ('schema_version', '{schema.SCHEMA_VERSION}')"
