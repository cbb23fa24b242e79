"""History records as rows of the history tables."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

import pyarrow as pa

from durascope.records import AttemptFacts, HistoryRecord, OperationFacts, RunFacts, Tokens, WaitFacts
from durascope_dashboard.store import schema

Facts = RunFacts | OperationFacts | AttemptFacts | WaitFacts
_TOKENS = tuple(f"tokens_{kind}" for kind in schema.TOKEN_KINDS)


def _token_columns(tokens: Iterable[Tokens | None]) -> dict[str, Sequence[int | None]]:
    """All null where they are unknown."""
    unknown = (None,) * len(_TOKENS)
    counts = attrgetter(*schema.TOKEN_KINDS)
    rows = [unknown if one is None else counts(one) for one in tokens]
    return dict(zip(_TOKENS, zip(*rows, strict=True), strict=True))


def _table(name: str, kind: type[Facts], facts: Sequence[Facts]) -> pa.Table:
    """By column: a batch has tens of thousands of values, and rows as dictionaries cost twice as much."""
    if not facts:
        return schema.TABLES[name].empty_table()
    names = [item.name for item in fields(kind)]
    columns: dict[str, Any] = dict(zip(names, zip(*map(attrgetter(*names), facts), strict=True), strict=True))
    if kind is AttemptFacts:
        columns |= _token_columns(columns.pop("tokens"))
    return pa.Table.from_pydict(columns, schema=schema.TABLES[name])


def history_tables(records: Sequence[HistoryRecord]) -> dict[str, pa.Table]:
    """Rows of all four history tables. Of several records of one run the last stands."""
    last = {(r.run.namespace, r.run.workflow_id, r.run.run_id): r for r in records}.values()
    return {
        "history_runs": _table("history_runs", RunFacts, [r.run for r in last]),
        "history_operations": _table("history_operations", OperationFacts, [o for r in last for o in r.operations]),
        "history_attempts": _table("history_attempts", AttemptFacts, [a for r in last for a in r.attempts]),
        "history_waits": _table("history_waits", WaitFacts, [w for r in last for w in r.waits]),
    }
