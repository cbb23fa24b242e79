"""Groups of runs against each other over time: types, builds, models, queues; median, p95, p99, retries, waste."""

from dataclasses import replace
from typing import Final

import pandas as pd
import streamlit as st

from durascope_dashboard import data
from durascope_dashboard.panels import charts, grid, period
from durascope_dashboard.panels.grid import Column
from durascope_dashboard.panels.period import Period

BY: Final = {"Workflow type": "workflow_type", "Build": "build_id", "Model": "models", "Task queue": "task_queue"}
METRICS: Final = {
    "Duration p50": "duration_p50_ms", "Duration p95": "duration_p95_ms", "Duration p99": "duration_p99_ms",
    "Retries per run": "retries_per_run", "Waste": "waste_share", "Failed runs": "failed_share",
}  # fmt: skip
BUCKETS: Final = 24
"""Fewer than elsewhere: a percentile of the two runs of a moment says nothing."""
COLUMNS: Final = {
    "runs": Column("Runs", "exact"),
    "failed_share": Column("Failed", "share"),
    "duration_p50_ms": Column("p50", "ms"),
    "duration_p95_ms": Column("p95", "ms"),
    "duration_p99_ms": Column("p99", "ms"),
    "retried_share": Column("Runs with retries", "share"),
    "retries_per_run": Column("Retries per run", "rate"),
    "queue_ms": Column("Queue wait per run", "ms"),
    "backoff_ms": Column("Backoff per run", "ms"),
    "tokens_per_run": Column("Tokens per run", "tokens"),
    "waste_share": Column("Waste", "share"),
    "cost_per_run": Column("Cost per run", "money"),
}


def derived(found: pd.DataFrame) -> pd.DataFrame:
    """Rows of the query ``cohorts`` with what a run of each has on average, and a readable name."""
    runs = found["runs"]
    billed = found["billed_input"] + found["billed_output"]
    wasted = found["wasted_input"] + found["wasted_output"]
    wasted = wasted.mask((wasted == 0) & (found["unknown_attempts"] > 0))  # of what nobody saw nothing is known
    names = [", ".join(data.names(v)) or v if isinstance(v, str) and v.startswith("[") else v for v in found["value"]]
    return found.assign(
        value=[n if isinstance(n, str) and n not in ("", "[]") else "(none)" for n in names],
        failed_share=found["failed"] / runs, retried_share=found["retried_runs"] / runs,
        retries_per_run=found["retries"] / runs, queue_ms=found["queue_ms"] / runs,
        backoff_ms=found["backoff_ms"] / runs, tokens_per_run=billed / runs,
        waste_share=wasted / billed.where(billed > 0), cost_per_run=found["cost_billed"] / runs,
    )  # fmt: skip


def draw() -> None:
    """Controls, chart, table."""
    stretch = period.bar()
    with st.container(horizontal=True, gap="small"):
        by = st.segmented_control("Compare", list(BY), key="group_by", bind="query-params", default="Workflow type",
                                  required=True)  # fmt: skip
        metric = st.segmented_control("By", list(METRICS), key="metric", bind="query-params", default="Duration p95",
                                      required=True)  # fmt: skip
    by, metric = by or "Workflow type", metric or "Duration p95"
    whole = data.query("cohorts", by=BY[by], **stretch.params())
    if whole.empty:
        period.nothing(stretch, "closed runs")
        return
    _chart(stretch, by, metric)
    columns = {"value": Column(by, width=240), **COLUMNS}
    grid.draw(derived(whole), columns, key="cohorts", alt=f"Runs by {by}", rows=12)


def _chart(stretch: Period, by: str, metric: str) -> None:
    stretch = replace(stretch, buckets=BUCKETS)
    stretch, (found,) = period.fitting(stretch, lambda p: (data.query("cohorts", by=BY[by], **p.series()),))
    period.note(stretch)
    series = derived(found)
    name = METRICS[metric]
    most = list(series.groupby("value")["runs"].sum().sort_values(ascending=False).head(7).index)
    wide = series[series["value"].isin(most)].pivot_table(index="bucket", columns="value", values=name).reset_index()
    columns = {str(value): str(value) for value in most if value in wide.columns}
    words = f"{metric} by {by}, {stretch.words}"
    if name.endswith("_ms"):
        charts.durations(wide, columns, key="cohort_chart", words=words, over=stretch.axis)
    else:
        share = name.endswith("_share")
        charts.over_time(wide, columns, unit="%" if share else metric.lower(), key="cohort_chart", words=words,
                         over=stretch.axis, scale=0.01 if share else 1.0)  # fmt: skip
