"""The Health page: is a number on these pages to be trusted? Coverage, arrival, losses, clocks, and what to mend."""

from typing import Any, Final

import pandas as pd
import streamlit as st

from durascope_dashboard import data, links, units
from durascope_dashboard.panels import charts, doctor, grid, markup, period, states
from durascope_dashboard.panels.grid import Column
from durascope_dashboard.panels.period import Period

SKEW: Final = {
    "worker": Column("Worker", width=280),
    "task_queue": Column("Task queue", width=180),
    "skew_p50_ms": Column("Clock, median", "signed_ms", "Worker's clock minus the server's"),
    "skew_min_ms": Column("Least", "signed_ms"),
    "skew_max_ms": Column("Most", "signed_ms"),
    "attempts": Column("Attempts", "exact"),
}
GAPS: Final = {
    "workflow_id": Column("Run", width=240),
    "workflow_type": Column("Type", width=180),
    "started": Column("Started (UTC)", "moment", width=125),
    "history_attempts": Column("History", "exact", "Attempts that Temporal counts"),
    "span_attempts": Column("Telemetry", "exact", "Attempts that a worker told of"),
    "missing": Column("Missing", "exact"),
    "reconstructed": Column(
        "Reconstructed", "exact", "Known from history or Describe alone; their times are estimates"
    ),
    "orphan_spans": Column("Orphans", "exact", "Spans of attempts that history does not know"),
    "duplicate_spans": Column("Duplicates", "exact", "Ignored: sent twice, or replayed"),
}


def page() -> None:
    """Draw the page."""
    st.markdown("### Health of the telemetry")
    with states.guarded():
        stretch = period.bar(types=False)
        total = data.rows(data.query("totals", **stretch.span()))[0]
        if not total["runs"] and data.query("attempt_series", **stretch.series()).empty:
            period.nothing(stretch, "runs")
            return
        _summary(total)
        st.caption(f"Runs and their attempts count by the run's start in {stretch.words}; spans by when they arrived.")
        doctor.draw(stretch)
        _coverage(stretch)
        _gaps(stretch)
        _clocks(stretch)
        _collector(data.health())


def _summary(total: data.Row) -> None:
    expected, runs = total["history_attempts"] or 0, total["runs"]
    seen = min(total["span_attempts"] or 0, expected)  # of an attempt under way, a worker tells before history does
    with_history = runs - (total["without_history"] or 0)
    cells = [
        ("Attempts seen by workers", f"{seen:,} of {expected:,} · {units.percent(seen, expected)}"),
        ("Runs with Temporal's history", f"{with_history:,} of {runs:,}"),
        ("Orphan spans", f"{total['orphan_spans'] or 0:,}"),
        ("Duplicates ignored", f"{total['duplicate_spans'] or 0:,}"),
        ("Unknown tokens", f"{total['unknown_attempts'] or 0:,} attempts"),
    ]
    for column, (label, value) in zip(st.columns(len(cells)), cells, strict=True):
        column.metric(label, value, border=True)


def _series(stretch: Period) -> period.Frames:
    asked = {**stretch.span(), "bucket_ms": stretch.bucket_ms}
    return data.query("coverage_series", **asked), data.query("ingest_series", **asked)


def _coverage(stretch: Period) -> None:
    stretch, (coverage, ingest) = period.fitting(stretch, _series)
    period.note(stretch)
    left, middle, right = st.columns(3)
    with left:
        st.markdown("###### Coverage")
        share = 100 * coverage["span_attempts"] / coverage["history_attempts"].where(coverage["history_attempts"] > 0)
        charts.over_time(
            coverage.assign(share=share.clip(upper=100)), {"share": "attempts seen by telemetry"}, unit="%",
            key="coverage_chart", colors=("tool",), over=stretch.axis,
            words=f"Share of history's attempts that telemetry saw, {stretch.words}",
        )  # fmt: skip
    with middle:
        st.markdown("###### Spans received")
        charts.over_time(
            ingest, {"spans": "spans"}, unit="spans", key="ingest_chart", stacked=True, colors=("model",),
            over=stretch.axis, words=f"Spans received in {stretch.words}",
        )  # fmt: skip
    with right:
        st.markdown("###### From the end of a span to the collector")
        charts.durations(
            ingest, {"lag_p50_ms": "median", "lag_p95_ms": "p95"}, key="lag_chart", colors=("tool", "error"),
            over=stretch.axis, words=f"Delay of spans, median and p95, {stretch.words}",
        )  # fmt: skip


def _gaps(stretch: Period) -> None:
    st.markdown("###### Runs that telemetry does not cover")
    found = data.query("runs", view="incomplete", limit=200, **stretch.span())
    if found.empty:
        markup.html(markup.note(f"None: every attempt that Temporal counted in {stretch.words} was also seen."))
        return
    frame = found.assign(missing=found["history_attempts"] - found["span_attempts"].fillna(0))
    frame = frame.sort_values("missing", ascending=False)[[*GAPS, "run_id", "namespace"]]
    ticked = grid.draw(frame, GAPS, key="gaps", alt="Runs with attempts that telemetry missed", rows=8, select=True)
    if ticked:
        row = data.rows(frame.iloc[[ticked[0]]])[0]
        key = links.key(row)
        st.switch_page(st.session_state["pages"]["run"], query_params=key)


def _clocks(stretch: Period) -> None:
    st.markdown("###### Clocks")
    found = data.query("workers", **stretch.span())
    known = found[found["skew_p50_ms"].notna()]
    if known.empty:
        markup.html(
            markup.note("No attempt is known from both the worker and the server, so clocks cannot be compared.")
        )
        return
    worst: pd.Series[Any] = known["skew_p50_ms"].abs()
    grid.draw(known.loc[worst.sort_values(ascending=False).index], SKEW, key="clocks", alt="Clock skew", rows=6)


def _collector(health: dict[str, Any]) -> None:
    st.markdown("###### The collector")
    if health.get("collector") is False:
        markup.html(markup.note("No collector runs: this page reads the store file itself, and nothing new arrives."))
        return
    history = health.get("history") or {}
    pairs = [
        ("state", str(health.get("status", ""))), ("store", str(health.get("store", ""))),
        ("engine", str(health.get("engine", ""))), ("ingest lag", _seconds(health.get("ingest_lag_s"))),
        ("rows waiting", f"{health.get('queued_rows', 0):,}"), ("runs to roll up", f"{health.get('dirty_runs', 0):,}"),
        ("spans since its start", f"{health.get('spans', 0):,}"),
        ("histories since its start", f"{health.get('histories', 0):,}"),
        ("requests refused (full)", f"{health.get('refused', 0):,}"),
        ("commits that failed", f"{health.get('failed_commits', 0):,}"),
        ("roll-ups that failed", f"{health.get('rollup_errors', 0):,}"),
        ("history follower", str(history.get("state", "off"))), ("history lag", _seconds(history.get("lag_s"))),
        ("open runs followed", str(history.get("open_runs") if history.get("open_runs") is not None else "")),
        ("history error", str(history.get("error") or "")),
    ]  # fmt: skip
    markup.html(markup.facts(pairs))


def _seconds(value: float | None) -> str:
    return units.UNKNOWN if value is None else units.duration(value * 1000)
