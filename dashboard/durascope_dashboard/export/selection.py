"""What is exported: joined runs with their operations, attempts and raw spans, for any number of runs at once."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from durascope.identity import RunKey
from durascope_dashboard.store.schema import TABLES

Row = dict[str, Any]
"""One row of a schema table; null is None."""

PARTS = ("runs", "operations", "attempts", "spans")


def run_key(row: Row) -> RunKey:
    """The run that a row of any table belongs to."""
    return RunKey(row["namespace"], row["workflow_id"], row["run_id"])


@dataclass(frozen=True)
class RunRows:
    """One run: its row and its operations', attempts' and spans', each in order of time."""

    run: Row
    operations: list[Row]
    attempts: list[Row]
    spans: list[Row]

    @property
    def key(self) -> RunKey:
        """Namespace, workflow id and run id."""
        return run_key(self.run)


@dataclass(frozen=True)
class Selection:
    """Tables with (at least) the columns of ``schema.RUNS``, ``OPERATIONS``, ``ATTEMPTS`` and ``SPANS``."""

    runs: pa.Table
    operations: pa.Table
    attempts: pa.Table
    spans: pa.Table

    @classmethod
    def of(cls, **rows: list[Row]) -> "Selection":
        """From lists of rows; columns that a row lacks are null."""
        return cls(**{part: pa.Table.from_pylist(rows.get(part, []), schema=TABLES[part]) for part in PARTS})

    def each(self) -> Iterator[RunRows]:
        """Run by run, in the order of ``runs``; rows of no selected run are left out."""
        operations = _by_run(self.operations, "scheduled")
        attempts = _by_run(self.attempts, "attempt")
        spans = _by_run(self.spans, "start")
        for row in self.runs.to_pylist():
            key = run_key(row)
            yield RunRows(row, operations[key], attempts[key], spans[key])


def _by_run(table: pa.Table, order: str) -> dict[RunKey, list[Row]]:
    groups: dict[RunKey, list[Row]] = defaultdict(list)
    rows: list[Row] = table.to_pylist()
    for row in sorted(rows, key=lambda row: row[order] or 0):
        groups[run_key(row)].append(row)
    return groups
