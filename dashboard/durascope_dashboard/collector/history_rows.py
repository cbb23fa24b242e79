"""History records as rows of the history tables."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

import pyarrow as pa

from durascope.records import AttemptFacts, HistoryRecord, OperationFacts, RunFacts, Tokens, WaitFacts
from durascope_dashboard.store import schema

Facts = RunFacts | OperationFacts | AttemptFacts | WaitFacts


def _row(facts: Facts) -> dict[str, Any]:
    row = {item.name: getattr(facts, item.name) for item in fields(facts)}
    if isinstance(facts, AttemptFacts):
        row |= _tokens(row.pop("tokens"))
    return row


def _tokens(tokens: Tokens | None) -> dict[str, int | None]:
    return {f"tokens_{kind}": None if tokens is None else getattr(tokens, kind) for kind in schema.TOKEN_KINDS}


def _table(name: str, facts: Iterable[Facts]) -> pa.Table:
    return pa.Table.from_pylist([_row(item) for item in facts], schema=schema.TABLES[name])


def history_tables(records: Sequence[HistoryRecord]) -> dict[str, pa.Table]:
    """Rows of all four history tables. Of several records of one run the last stands."""
    last = {(r.run.namespace, r.run.workflow_id, r.run.run_id): r for r in records}.values()
    return {
        "history_runs": _table("history_runs", (r.run for r in last)),
        "history_operations": _table("history_operations", (o for r in last for o in r.operations)),
        "history_attempts": _table("history_attempts", (a for r in last for a in r.attempts)),
        "history_waits": _table("history_waits", (w for r in last for w in r.waits)),
    }
