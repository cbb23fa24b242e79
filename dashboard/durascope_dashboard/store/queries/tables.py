"""The store's tables as ibis sees them, and the conditions that several queries share."""

import secrets
from typing import Any, Final

import ibis

from durascope_dashboard.exceptions import UsageError
from durascope_dashboard.store import schema

MARK: Final = 8 * 10**18 + secrets.randbelow(10**18)
"""Marks begin here, in each process elsewhere: nobody who asks can give a value that passes for one."""
NOW: Final = MARK + 3
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


def bucket(moment: Any, width_ms: int) -> Any:
    """The beginning (µs) of the bucket that each moment falls into. Raises UsageError."""
    if width_ms > schema.MAX_MS:
        raise UsageError(f"buckets cannot be {width_ms} ms wide; {schema.MAX_MS:.0f} ms, a century, is the most")
    return moment - moment % (max(width_ms, 1) * 1000)


def within(table: Any, column: str, since: int | None, until: int | None) -> list[Any]:
    """``since <= column < until``, as far as given."""
    wanted = []
    if since is not None:
        wanted.append(table[column] >= since)
    if until is not None:
        wanted.append(table[column] < until)
    return wanted
