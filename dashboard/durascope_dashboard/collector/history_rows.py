"""History records as rows of the history tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Self

import pyarrow as pa

from durascope.identity import RunKey
from durascope.records import AttemptFacts, HistoryRecord, OperationFacts, RunFacts, Tokens, WaitFacts
from durascope_dashboard.store import schema
from durascope_dashboard.store.keys import run_keys

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


@dataclass(frozen=True, slots=True)
class Histories:
    """Rows of all four history tables, of these runs and no others; each run is there once."""

    runs: Sequence[RunKey]
    tables: Mapping[str, pa.Table]

    @classmethod
    def of(cls, records: Iterable[HistoryRecord]) -> Self:
        """Of several records of one run the last stands."""
        last = {RunKey(r.run.namespace, r.run.workflow_id, r.run.run_id): r for r in records}
        facts = last.values()
        tables = {
            "history_runs": _table("history_runs", RunFacts, [r.run for r in facts]),
            "history_operations": _table(
                "history_operations", OperationFacts, [o for r in facts for o in r.operations]
            ),
            "history_attempts": _table("history_attempts", AttemptFacts, [a for r in facts for a in r.attempts]),
            "history_waits": _table("history_waits", WaitFacts, [w for r in facts for w in r.waits]),
        }
        return cls(list(last), tables)

    @classmethod
    def together(cls, parts: Sequence[Self]) -> Self:
        """All of them as one; of a run that is in several the last stands."""
        seen: set[RunKey] = set()
        kept: list[Self] = []
        for part in reversed(parts):
            kept.append(part if seen.isdisjoint(part.runs) else part.only(set(part.runs) - seen))
            seen.update(part.runs)
        kept.reverse()
        names = kept[0].tables if kept else ()
        return cls(
            [run for part in kept for run in part.runs],
            {name: pa.concat_tables([part.tables[name] for part in kept]) for name in names},
        )

    def only(self, runs: set[RunKey]) -> Self:
        """Those of some of its runs."""

        def kept(rows: pa.Table) -> pa.Table:
            return rows.filter(pa.array([key in runs for key in run_keys(rows)], pa.bool_()))

        return type(self)(
            [run for run in self.runs if run in runs], {name: kept(rows) for name, rows in self.tables.items()}
        )
