"""The Tokens and cost page: who spends what, what came to nothing, and who caused it. An attempt counts when it ran."""

from typing import Any, Final

import pandas as pd
import streamlit as st

from durascope_dashboard import data, links, units
from durascope_dashboard.panels import charts, grid, markup, period, states, waste
from durascope_dashboard.panels.grid import Column
from durascope_dashboard.panels.period import Period
from durascope_dashboard.panels.runs_table import total

BY: Final = {"Model": "model", "Agent": "agent", "Workflow type": "workflow_type", "Task queue": "task_queue",
             "Tool": "tool"}  # fmt: skip
COLUMNS: Final = {
    "value": Column("", width=240),
    "operations": Column("Calls", "exact", "Whose first attempt is in the period"),
    "attempts": Column("Attempts", "exact"),
    "billed_input": Column("Input", "tokens"),
    "cached_share": Column("Cached", "share", "Part of the input that was read from the cache"),
    "billed_output": Column("Output", "tokens"),
    "billed_reasoning": Column("Reasoning", "tokens", "Part of the output"),
    "wasted": Column("Wasted", "tokens", "Billed, but not part of a result that was used"),
    "waste_share": Column("Waste", "share"),
    "unknown_attempts": Column("Unknown", "exact", "Attempts whose tokens nobody saw: not counted as 0"),
    "cost_billed": Column("Cost", "money"),
    "cost_wasted": Column("Wasted cost", "money"),
}
TOOL_COLUMNS: Final = {
    "value": Column("Tool", width=240),
    "calls": Column("Calls", "exact"),
    "attempts": Column("Attempts", "exact"),
    "run_ms": Column("Run time", "ms"),
    "backoff_ms": Column("Backoff", "ms"),
    "runs": Column("Runs with it", "exact"),
    "billed_input": Column("Input of these runs", "tokens", "Of all model calls of the runs that call this tool"),
    "billed_output": Column("Output of these runs", "tokens"),
    "cost_billed": Column("Cost of these runs", "money"),
}


def page() -> None:
    """Draw the page."""
    st.markdown("### Tokens and cost")
    with states.guarded():
        stretch = period.bar()
        drawn, (series,) = period.fitting(
            stretch, lambda p: (data.query("attempt_series", **p.series(), kind=["model"]),)
        )
        if series.empty and not data.records("attempt_groups", by="kind", **stretch.params()):
            period.nothing(stretch, "attempts")
            return
        _summary(summed(series))
        st.caption(f"Attempts that started in {stretch.words}, also those of runs that began before.")
        _over_time(series, drawn)
        _by_dimension(stretch)
        waste.draw(stretch)
        _budget(stretch)


def summed(series: pd.DataFrame) -> dict[str, Any]:
    """The charts' rows of ``attempt_series`` in one: what the tiles say is what the charts add up to."""
    names = [name for name in series.columns if name.startswith(("useful_", "wasted_", "cost_", "un"))]
    sums = {name: series[name].sum(min_count=1) for name in names}
    return {name: None if pd.isna(value) else value for name, value in sums.items()}


def _summary(found: dict[str, Any]) -> None:
    unknown = found["unknown"] or 0
    useful, wasted = ((found[f"{part}_input"] or 0) + (found[f"{part}_output"] or 0) for part in ("useful", "wasted"))
    billed = useful + wasted
    none = unknown and not billed  # nothing is known: not 0
    least = "≥ " if unknown and not none else ""  # sums leave out what nobody saw
    seen = wasted or not unknown  # that no waste was seen says nothing of attempts that nobody saw
    cells = [
        ("Billed", "unknown" if none else f"{least}{units.tokens(billed)}"),
        ("Wasted", f"{least}{units.count(wasted)} · {units.percent(wasted, billed)}" if seen else "unknown"),
        ("Unknown usage", units.many(unknown, "attempt")),
        ("Cost", f"{least}{units.money(found['cost_billed'])}"),
        ("Wasted cost", f"{least}{units.money(found['cost_wasted'])}" if seen else "unknown"),
    ]
    for column, (label, value) in zip(st.columns(len(cells)), cells, strict=True):
        column.metric(label, value, border=True)
    if found["unpriced"]:
        attempts = units.many(found["unpriced"], "attempt")
        st.caption(f"{attempts} used a model without a known price (named on the run's token ledger); the cost leaves "
                   "them out.")  # fmt: skip


def _over_time(series: pd.DataFrame, stretch: Period) -> None:
    if series.empty:
        st.caption("No model call in this period.")
        return
    period.note(stretch)
    by_model = data.query("attempt_series", **stretch.series(), kind=["model"], by="model")
    left, right = st.columns(2)
    with left:
        st.markdown("###### Tokens over time")
        tokens = series.assign(
            useful=series["useful_input"].fillna(0) + series["useful_output"].fillna(0),
            wasted=series["wasted_input"].fillna(0) + series["wasted_output"].fillna(0),
        )
        charts.over_time(
            tokens, {"useful": "useful", "wasted": "wasted"}, unit="tokens", key="tokens_chart", stacked=True,
            colors=("model", "error"), over=stretch.axis, words=f"Useful and wasted tokens in {stretch.words}",
        )  # fmt: skip
    with right:
        st.markdown("###### Cost over time, by model")
        charts.by_value(
            by_model, "cost_billed", unit="USD", key="cost_chart", over=stretch.axis, axis="$~g",
            words=f"Cost by model in {stretch.words}",
        )  # fmt: skip


def _by_dimension(stretch: Period) -> None:
    by = st.segmented_control("Spent by", list(BY), key="spent_by", bind="query-params", default="Model", required=True)
    by = by or "Model"
    if by == "Tool":
        grid.draw(data.query("tools", **stretch.params()), TOOL_COLUMNS, key="tools", alt="Tools", rows=10,
                  runs_with="name")  # fmt: skip
        st.caption("A tool bills no tokens itself: the columns on the right are those of the runs that call it.")
        return
    found = derived(data.query("tokens", by=BY[by], **stretch.params()))
    grid.draw(found, {**COLUMNS, "value": Column(by, width=240)}, key="spent", alt=f"Tokens by {by}", rows=10,
              runs_with=BY[by])  # fmt: skip


def derived(found: pd.DataFrame) -> pd.DataFrame:
    """The ledger by dimension with waste, its share, and the cached share of the input.

    Where every call's usage is unknown, so are its sums: not 0.
    """
    unseen = (found["billed_input"] + found["billed_output"] == 0) & (found["unknown_attempts"] > 0)
    names = [name for name in found.columns if name.startswith(("billed_", "useful_"))]
    found = found.assign(**{name: found[name].mask(unseen) for name in names})
    billed = found["billed_input"] + found["billed_output"]
    wasted = billed - found["useful_input"] - found["useful_output"]
    none_seen = (wasted == 0) & (found["unknown_attempts"] > 0)
    wasted = wasted.mask(none_seen)
    return found.assign(
        wasted=wasted, waste_share=wasted / billed.where(billed > 0),
        cached_share=found["billed_cached_input"] / found["billed_input"].where(found["billed_input"] > 0),
        cost_wasted=(found["cost_billed"] - found["cost_useful"]).mask(none_seen),
    )  # fmt: skip


def _budget(stretch: Period) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.markdown(f"###### Runs over budget, of those started in {stretch.words}")
        budget = st.number_input("Tokens a run may bill", min_value=0, value=100_000, step=10_000, key="run_budget",
                                 bind="query-params", width=220)  # fmt: skip
    found = data.query("runs", where=f"tokens > {int(budget or 0)}", order="billed_input", limit=200,
                       **stretch.params())  # fmt: skip
    if found.empty:
        markup.html(markup.note(f"No run of {stretch.words} billed more than {int(budget or 0):,} tokens."))
        return
    frame = pd.DataFrame([_over(row, int(budget or 0)) for row in data.rows(found)])
    columns = {
        "workflow_id": Column("Run", width=240), "workflow_type": Column("Type", width=180),
        "started": Column("Started (UTC)", "moment", width=125), "tokens": Column("Tokens", "tokens"),
        "over": Column("Over budget", "share"), "waste": Column("Wasted", "tokens"), "cost": Column("Cost", "money"),
    }  # fmt: skip
    ticked = grid.draw(frame, columns, key="budget_runs", alt="Runs over budget", rows=8, select=True)
    if ticked:
        row = data.rows(found.iloc[[ticked[0]]])[0]
        key = links.key(row)
        st.switch_page(st.session_state["pages"]["run"], query_params=key)


def _over(row: data.Row, budget: int) -> dict[str, Any]:
    tokens = total(row, "billed")
    over = None if tokens is None or not budget else (tokens - budget) / budget
    names = ("workflow_id", "run_id", "namespace", "workflow_type", "started")
    return {**{name: row[name] for name in names}, "tokens": tokens, "over": over, "waste": total(row, "wasted"),
            "cost": row["cost_billed"]}  # fmt: skip
