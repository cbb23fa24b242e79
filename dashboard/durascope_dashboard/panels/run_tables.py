"""The run as tables, for those who read rather than look: the timeline's rows, every attempt, the raw spans.

A tab is filled when it is opened, so that none of them delays the timeline.
"""

from dataclasses import asdict
from typing import Any, Final

import pandas as pd
import streamlit as st

from durascope_dashboard import data
from durascope_dashboard.analysis.critical_path import CriticalPath
from durascope_dashboard.data import Row
from durascope_dashboard.panels import grid, header, markup, savings, status
from durascope_dashboard.panels.grid import Column
from durascope_dashboard.timeline.rows import Timeline

SPAN_LIMIT: Final = 2000
COSTS_SHOWN: Final = 15
_ROWS: Final = {
    "row": Column("row", width=340), "kind": Column("kind"), "status": Column("status"),
    "started_ms": Column("start", "ms", "From the start of the run"), "duration_ms": Column("duration", "ms"),
    "attempts": Column("attempts", "exact"), "agent": Column("agent"),
    "input_tokens": Column("input", "exact", "Billed"), "output_tokens": Column("output", "exact", "Billed"),
    "cost_usd": Column("cost", "money"), "critical_path": Column("critical path"), "id": Column("id"),
}  # fmt: skip
_ATTEMPTS: Final = {
    "operation": Column("operation", width=200), "kind": Column("kind"), "attempt": Column("attempt", "exact"),
    "status": Column("status"), "queue_ms": Column("queue", "ms"), "run_ms": Column("run", "ms"),
    "backoff_ms": Column("backoff before", "ms"), "error": Column("error", width=220),
    "input_tokens": Column("input", "exact"), "output_tokens": Column("output", "exact"),
    "cost_usd": Column("cost", "money"), "worker": Column("worker"), "known_from": Column("known from"),
}  # fmt: skip
_MS: Final = ("queue_ms", "run_ms", "backoff_ms")
_SPANS: Final = ("name", "kind", "status", "agent", "model", "activity_id", "attempt", "service", "span_id",
                 "parent_span_id", "attributes")  # fmt: skip


def draw(run: Row, attempts: list[Row], drawn: Timeline, path: CriticalPath) -> None:
    """Tabs under the timeline."""
    costs, rows, tries, raw, facts = st.tabs(
        ["What the retries cost", "Table of rows", "Attempts", "Raw spans", "About this run"],
        key="tab", on_change="rerun", bind="query-params",
    )  # fmt: skip
    if costs.open:
        with costs:
            _costs(path)
    if facts.open:
        with facts:
            markup.html(header.identity(run))
    if rows.open:
        with rows:
            grid.draw(rows_table(drawn), _ROWS, key="rows_table", alt="The timeline's rows as a table", rows=16)
    if tries.open:
        with tries:
            grid.draw(attempts_table(attempts), _ATTEMPTS, key="attempts_table", alt="Every attempt", rows=16)
    if raw.open:
        with raw:
            _spans(run)


def _costs(path: CriticalPath) -> None:
    found = path.worth[:COSTS_SHOWN]
    if not found:
        st.caption("No retry made this run longer.")
        return
    markup.html(
        savings.table(found, "operation", "attempt", "error", "lost", "earlier")
        + markup.note(
            "What an operation waited for is not recorded: the first figure holds if it waited for all that had closed "
            "before, the second if it waited only for the last of these."
        )
    )  # fmt: skip
    grid.downloads(pd.DataFrame([asdict(saving) for saving in found]), "retry_costs")


def rows_table(drawn: Timeline) -> pd.DataFrame:
    """The timeline's rows in its order; the tree by indentation."""
    found = drawn.lines
    return pd.DataFrame(
        {
            "row": ["\u2003" * min(line.depth, 12) + line.name for line in found],
            "kind": [line.kind.replace("_", " ") for line in found],
            "status": [status.words(line.status) for line in found],
            "started_ms": [line.start for line in found],
            "duration_ms": [line.end - line.start for line in found],
            "attempts": _whole([line.attempts or None for line in found]),
            "agent": [line.agent for line in found],
            "input_tokens": _whole([line.tokens_in for line in found]),
            "output_tokens": _whole([line.tokens_out for line in found]),
            "cost_usd": pd.array([line.cost for line in found], dtype="Float64"),
            "critical_path": ["yes" if line.critical else "" for line in found],
            "id": [line.id for line in found],
        }
    )


def attempts_table(attempts: list[Row]) -> pd.DataFrame:
    """One row an attempt, in order of time."""
    found = sorted(attempts, key=lambda r: (r["queued"] or r["started"] or 0, r["attempt"]))
    errors = [": ".join(str(v) for v in (r["error_type"], r["error_message"]) if v) for r in found]
    return pd.DataFrame(
        {
            "operation": [(r["model"] if r["kind"] == "model" else r["name"]) or r["activity_id"] for r in found],
            "kind": [r["kind"] for r in found],
            "attempt": _whole([r["attempt"] for r in found]),
            "status": [status.words(r["status"]) for r in found],
            **{name: pd.array([_waited(r, name) for r in found], dtype="Float64") for name in _MS},
            "error": errors,
            "input_tokens": _whole([r["tokens_input"] for r in found]),
            "output_tokens": _whole([r["tokens_output"] for r in found]),
            "cost_usd": pd.array([r["cost"] for r in found], dtype="Float64"),
            "worker": [r["worker"] for r in found],
            "known_from": [f"{r['source']}{', estimated' if r['estimated'] else ''}" for r in found],
        }
    )  # fmt: skip


def _waited(attempt: Row, name: str) -> float | None:
    """The first attempt has no backoff before it, which is not one of 0 ms."""
    return None if name == "backoff_ms" and attempt["attempt"] <= 1 else attempt[name]


def _whole(values: list[Any]) -> Any:
    return pd.array(values, dtype="Int64")


def _spans(run: Row) -> None:
    spans = data.of_run("spans", run, limit=SPAN_LIMIT)
    if spans.empty:
        st.caption("No spans: this run is known from Temporal's history alone.")
        return
    if len(spans) == SPAN_LIMIT:
        st.caption(f"The first {SPAN_LIMIT:,} spans; `durascope export otlp` and `durascope export parquet` give all.")
    grid.draw(spans[list(_SPANS)], {n: Column(n.replace("_", " ")) for n in _SPANS}, key="spans_table", alt="Raw spans")
