"""The Reliability page: what fails and is retried, since when, and what the failures have in common."""

from typing import Any, Final

import pandas as pd
import streamlit as st

from durascope_dashboard import data, links, units
from durascope_dashboard.panels import charts, drill_down, grid, markup, period, states, storms
from durascope_dashboard.panels.grid import Column
from durascope_dashboard.panels.period import Period
from durascope_dashboard.panels.plain import plain

BY: Final = {
    "Activity": "name", "Error": "fingerprint", "Cause": "cause", "Task queue": "task_queue", "Worker": "worker",
    "Workflow type": "workflow_type", "Agent": "agent", "Model": "model", "Build": "build_id",
}  # fmt: skip
SELECTIONS: Final = {
    "failed attempts": "failed", "retried attempts": "retried", "queue waits over 1 s": "slow_queue",
    "runs over 10 s": "slow_run", "attempts that wasted tokens": "wasted",
}  # fmt: skip
COLUMNS: Final = {
    "value": Column("", width=220),
    "attempts": Column("Attempts", "exact"),
    "failed": Column("Failed", "exact", "Errors, timeouts and lost workers"),
    "rate": Column("Failure rate", "share"),
    "retries": Column("Retries", "exact", "Attempts after the first"),
    "timeouts": Column("Timeouts", "exact"),
    "lost": Column("Lost", "exact", "Started and never heard of again"),
    "runs": Column("Runs", "exact"),
    "queue_p95_ms": Column("Queue p95", "ms"),
    "run_p95_ms": Column("Run p95", "ms"),
    "backoff_ms": Column("Backoff", "ms", "Summed over all attempts"),
    "by_server": Column("Retry-After", "exact", "Retries whose delay the server dictated"),
    "last_error": Column("Last error", width=170),
    "last_failed": Column("Last failed (UTC)", "moment", width=125),
}
STORM_BUCKET_MS: Final = 60_000


def page() -> None:
    """Draw the page."""
    st.markdown("### Reliability")
    with states.guarded():
        stretch = period.bar()
        drawn, (series,) = period.fitting(stretch, lambda p: (data.query("attempt_series", **p.series()),))
        if series.empty:
            period.nothing(stretch, "attempts")
            return
        _summary(series)
        _over_time(series, drawn)
        _groups(stretch)
        _storms(stretch)
        _shared(stretch)


def _summary(series: pd.DataFrame) -> None:
    attempts, failed, retries = (int(series[name].sum()) for name in ("attempts", "failed", "retries"))
    cells = [
        ("Attempts", f"{attempts:,}"),
        ("Failed", f"{failed:,} · {units.percent(failed, attempts)}"),
        ("Retries", f"{retries:,} · {units.percent(retries, attempts)}"),
        ("Rate limited", f"{int(series['rate_limited'].sum()):,}"),
        ("Backoff", units.duration(_sum(series["backoff_ms"]))),
    ]
    for column, (label, value) in zip(st.columns(len(cells)), cells, strict=True):
        column.metric(label, value, border=True)


def _sum(values: "pd.Series[Any]") -> float | None:
    known = values.dropna()
    return None if known.empty else float(known.sum())


def _over_time(series: pd.DataFrame, stretch: Period) -> None:
    period.note(stretch)
    left, middle, right = st.columns(3)
    with left:
        st.markdown("###### Attempts")
        good = series.assign(ok=series["attempts"] - series["failed"])
        charts.over_time(
            good, {"ok": "not failed", "failed": "failed"}, unit="attempts", key="attempts_chart", stacked=True,
            colors=("activity", "error"), over=stretch.axis, words=f"Attempts and failed attempts in {stretch.words}",
        )  # fmt: skip
    with middle:
        st.markdown("###### Backoff between attempts")
        charts.durations(
            series, {"backoff_ms": "backoff"}, unit=", summed", key="backoff_chart", stacked=True,
            colors=("backoff",), over=stretch.axis, words=f"Backoff, summed, in {stretch.words}",
        )  # fmt: skip
    with right:
        st.markdown("###### Queue wait")
        charts.durations(
            series, {"queue_p50_ms": "median", "queue_p95_ms": "p95"}, key="queue_chart",
            colors=("tool", "error"), over=stretch.axis, words=f"Queue wait, median and p95, in {stretch.words}",
        )  # fmt: skip


def _groups(stretch: Period) -> None:
    by = st.segmented_control(
        "Retries and failures by", list(BY), key="by", bind="query-params", default="Activity", required=True
    )  # fmt: skip
    found = data.query("attempt_groups", by=BY[by or "Activity"], **stretch.params())
    found = found.assign(rate=found["failed"] / found["attempts"])
    columns = {**COLUMNS, "value": Column(by or "Activity", width=220)}
    if by == "Error":
        found = _named_errors(found[found["value"].notna()], stretch)
        kept = {name: column for name, column in COLUMNS.items() if name not in ("failed", "rate", "last_error")}
        columns = {"error_type": Column("Error"), "error_message": Column("Message", width=300), **kept}
        columns["value"] = Column("Fingerprint", width=130)
    if found.empty:
        st.caption("No failures in this period.")
        return
    grid.draw(found, columns, key="groups", alt=f"Attempts by {by}", rows=10, runs_with=BY[by or "Activity"])
    _links(found, by or "Activity")


def _named_errors(found: pd.DataFrame, stretch: Period) -> pd.DataFrame:
    errors = data.query("errors", limit=1000, **stretch.params())
    named = errors[["fingerprint", "error_type", "error_message", "workflow_id", "run_id", "namespace"]]
    return found.merge(named, left_on="value", right_on="fingerprint", how="left").drop(columns="fingerprint")


def _links(found: pd.DataFrame, by: str) -> None:
    """For errors: the newest run of each of the first few, one click away."""
    if by != "Error":
        return
    with st.container(horizontal=True, gap="small"):
        st.caption("Newest run with each:", width="content")
        for row in data.rows(found.head(5)):
            if row["workflow_id"]:
                key = links.key(row)
                st.page_link(st.session_state["pages"]["run"], label=plain(row["error_type"]), query_params=key)


def _storms(stretch: Period) -> None:
    st.markdown("###### Retry storms")
    bad = data.query(
        "attempt_series", by="name", bucket_ms=STORM_BUCKET_MS, failed_at_least=storms.LEAST_FAILED, **stretch.params()
    )
    found = storms.storms(data.rows(bad), STORM_BUCKET_MS)
    if not found:
        st.caption(f"None in {stretch.words}: no minute had {storms.LEAST_FAILED} or more failures of one activity "
                   "with half of its attempts failing.")  # fmt: skip
        return
    frame = pd.DataFrame([vars(storm) | {"length_ms": (storm.until - storm.since) / 1000} for storm in found])
    columns = {
        "value": Column("Activity", width=240), "since": Column("Since (UTC)", "moment", width=125),
        "length_ms": Column("Lasted", "ms"), "failed": Column("Failed", "exact"),
        "attempts": Column("Attempts", "exact"), "worst": Column("Worst minute", "exact"),
    }  # fmt: skip
    grid.draw(frame, columns, key="storms", alt="Retry storms", rows=6, runs_with="name")


def _one_error(stretch: Period) -> str | None:
    """The fingerprint of the error that is looked at alone; None: all failed attempts."""
    known = data.rows(data.query("errors", limit=100, **stretch.params()))
    words = {row["fingerprint"]: f"{row['error_type'] or 'error'}: {row['error_message'] or ''}" for row in known}
    asked = [value for value in st.query_params.get_all("error") if value not in words]
    found: str | None = st.selectbox(
        "Of one error only", [*words, *asked], index=None, key="error", bind="query-params", width=520,
        format_func=lambda fingerprint: str(words.get(fingerprint, fingerprint))[:90], placeholder="all errors",
    )  # fmt: skip
    return found


def _shared(stretch: Period) -> None:
    st.markdown("###### What do the bad ones have in common?")
    what = st.pills("Select", list(SELECTIONS), key="select", bind="query-params", default="failed attempts",
                    required=True, label_visibility="collapsed")  # fmt: skip
    bad = SELECTIONS[what or "failed attempts"]
    threshold = 10_000 if bad == "slow_run" else 1000
    error = _one_error(stretch) if bad == "failed" else None
    frame = drill_down.compared(
        data.query("shared_values", bad=bad, threshold_ms=threshold, fingerprint=error, **stretch.params())
    )
    if frame.empty:
        st.caption(f"Nothing sets the {what} apart: no attribute is more frequent among them than among the others.")
        return
    markup.html(markup.note(drill_down.sentence(frame, str(what))))
    columns = {
        "attribute": Column("Attribute", width=130), "value": Column("Value", width=260),
        "selected_share": Column("Of the selection", "share"), "rest_share": Column("Of the others", "share"),
        "difference": Column("Difference", "share"), "selected": Column("Selected", "exact"),
        "rest": Column("Others", "exact"), "rate": Column("Rate with this value", "share"),
    }  # fmt: skip
    named = frame.assign(attribute=[drill_down.NAMES.get(name, name) for name in frame["attribute"]])
    grid.draw(named, columns, key="shared", alt="Attribute values, in the selection and in the rest", rows=8,
              runs_with=list(frame["attribute"]))  # fmt: skip
