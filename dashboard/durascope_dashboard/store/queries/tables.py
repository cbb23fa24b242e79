"""The store's tables as ibis sees them, and the conditions that several queries share."""

from typing import Any, Final

import ibis

from durascope_dashboard.store import schema

NOW: Final = 8_071_113_170_921_900_003
"""Stands in an expression for the moment (µs) at which the query is asked: texts are compiled once, and kept."""
TABLES: dict[str, Any] = {
    name: ibis.table(ibis.Schema.from_pyarrow(columns), name=name) for name, columns in schema.TABLES.items()
}


def of_run(table: Any, workflow_id: str, run_id: str | None, namespace: str | None) -> Any:
    """Rows of a run, of all runs of a workflow id if no run id is given."""
    wanted = [table["workflow_id"] == workflow_id]
    if run_id is not None:
        wanted.append(table["run_id"] == run_id)
    if namespace is not None:
        wanted.append(table["namespace"] == namespace)
    return table.filter(wanted)


def within(table: Any, column: str, since: int | None, until: int | None) -> list[Any]:
    """``since <= column < until``, as far as given."""
    wanted = []
    if since is not None:
        wanted.append(table[column] >= since)
    if until is not None:
        wanted.append(table[column] < until)
    return wanted
