"""What came to nothing and who caused it: attempts whose result was not used, with tokens, money and time."""

from typing import Any, Final

import pandas as pd
import streamlit as st

from durascope_dashboard import data, units
from durascope_dashboard.panels import grid, markup
from durascope_dashboard.panels.grid import Column
from durascope_dashboard.panels.period import Period

BY: Final = {
    "Cause": "cause", "Activity": "name", "Agent": "agent", "Model": "model", "Workflow type": "workflow_type",
    "Task queue": "task_queue", "Worker": "worker",
}  # fmt: skip
COLUMNS: Final = {
    "value": Column("", width=260),
    "attempts": Column("Attempts", "exact", "Failed, timed out, lost, cancelled, or with a result that was not used"),
    "runs": Column("Runs", "exact"),
    "tokens": Column("Wasted tokens", "tokens", "Of the attempts whose usage is known"),
    "unknown": Column("Unknown usage", "exact", "Model attempts whose tokens nobody saw: their cost is not known"),
    "cost": Column("Wasted cost", "money"),
    "run_ms": Column("Run time lost", "ms"),
    "backoff_ms": Column("Backoff caused", "ms", "Waiting before the next attempt"),
    "share": Column("Of all lost time", "share"),
}


def priced(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of the query ``waste`` with summed tokens and their share of all time lost."""
    tokens = frame["tokens_input"].fillna(0) + frame["tokens_output"].fillna(0)
    unseen = frame["tokens_input"].isna() & frame["tokens_output"].isna()
    lost = frame["run_ms"].fillna(0) + frame["backoff_ms"].fillna(0)
    return frame.assign(tokens=tokens.mask(unseen), share=lost / lost.sum() if lost.sum() else None)


def sentence(frame: pd.DataFrame, words: str, who: pd.DataFrame | None = None) -> str:
    """The answer in one line: what came to nothing in this stretch of time, the first cause, and the first of
    ``who``, the same attempts by activity.
    """
    attempts, unknown = int(frame["attempts"].sum()), int(frame["unknown"].sum())
    lost = float(frame["run_ms"].fillna(0).sum() + frame["backoff_ms"].fillna(0).sum())
    tokens, cost = (_known(frame[name]) for name in ("tokens", "cost"))
    spent = f"{units.tokens(tokens)} ({units.money(cost)})" if tokens else "no tokens that anybody saw"
    found = f"In {words}, {attempts:,} attempts came to nothing: {spent} and {units.duration(lost)} of run time and "
    found += "backoff."
    if unknown:
        costs = "the cost is at least this" if tokens else "what they cost is not known"
        found += f" The tokens of {unknown:,} of them are unknown, so {costs}."
    found += f" Most of the time went to: {_first(frame)}"
    return f"{found}; most of it by: {_first(who)}." if who is not None and not who.empty else f"{found}."


def _first(frame: pd.DataFrame) -> str:
    """The row that lost most, with its share."""
    row = frame.sort_values(["share", "attempts"], ascending=False).iloc[0]
    return f"{row['value']} ({units.percent(row['share'], 1)})"


def _known(values: "pd.Series[Any]") -> float | None:
    known = values.dropna()
    return None if known.empty else float(known.sum())


def draw(stretch: Period) -> None:
    """Sentence, dimension, table."""
    st.markdown("###### What came to nothing, and who caused it?")
    causes = priced(data.query("waste", **stretch.params()))
    if causes.empty:
        markup.html(markup.note(f"Every attempt of {stretch.words} was of use."))
        return
    who = priced(data.query("waste", by="name", **stretch.params()))
    markup.html(markup.note(sentence(causes, stretch.words, who)))
    by = st.segmented_control("Lost by", list(BY), key="waste_by", bind="query-params", default="Cause", required=True)
    by = by or "Cause"
    found = causes if by == "Cause" else priced(data.query("waste", by=BY[by], **stretch.params()))
    found = found.sort_values(["share", "attempts"], ascending=False).reset_index(drop=True)
    columns = {**COLUMNS, "value": Column(by, width=260)}
    grid.draw(found, columns, key="waste", alt=f"Attempts that came to nothing by {by}", rows=10, runs_with=BY[by])
