"""The same facts as tables: every row of the timeline for those who read rather than look, raw spans, downloads."""

import pandas as pd
import streamlit as st

from durascope_dashboard import data, units
from durascope_dashboard.data import Row
from durascope_dashboard.panels import status

_column = st.column_config
_NUMBERS = ("queue", "run", "backoff before")


def draw(run: Row, operations: pd.DataFrame, attempts: pd.DataFrame, spans: pd.DataFrame) -> None:
    """Tabs under the timeline."""
    table, raw = st.tabs(["Attempts table", f"Spans ({len(spans)})"])
    with table:
        if attempts.empty:
            st.caption("No attempts yet.")
        else:
            st.dataframe(
                attempts_table(attempts), hide_index=True, key="attempts_table", alt="Every attempt of the run",
                column_config={name: _column.TextColumn(alignment="right") for name in _NUMBERS},
            )  # fmt: skip
    with raw:
        if spans.empty:
            st.caption("No spans: this run is known from Temporal's history alone.")
        else:
            shown = spans[["name", "kind", "status", "agent", "model", "activity_id", "attempt", "span_id"]]
            st.dataframe(shown, hide_index=True, key="spans_table", alt="Raw spans")


def attempts_table(attempts: pd.DataFrame) -> pd.DataFrame:
    """One row an attempt, in order of time, with units."""
    rows = sorted(data.rows(attempts), key=lambda r: (r["queued"] or r["started"] or 0, r["attempt"]))
    return pd.DataFrame(
        {
            "operation": [r["name"] or r["activity_id"] for r in rows],
            "kind": [r["kind"] for r in rows],
            "attempt": [r["attempt"] for r in rows],
            "status": [status.words(r["status"]) for r in rows],
            "queue": [units.duration(r["queue_ms"]) for r in rows],
            "run": [units.duration(r["run_ms"]) for r in rows],
            "backoff before": [units.duration(r["backoff_ms"]) for r in rows],
            "error": [r["error_type"] for r in rows],
            "input": pd.array([r["tokens_input"] for r in rows], dtype="Int64"),
            "output": pd.array([r["tokens_output"] for r in rows], dtype="Int64"),
            "worker": [r["worker"] for r in rows],
            "source": [r["source"] for r in rows],
        }
    )
