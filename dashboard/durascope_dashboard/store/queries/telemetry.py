"""Queries about the telemetry itself and about who sent it: coverage, arrival, clocks, workers."""

from typing import Any

from durascope_dashboard.store.queries.attempts import failed, moments
from durascope_dashboard.store.queries.tables import TABLES, bucket, within


def coverage_series(since: int, until: int, bucket_ms: int = 60_000) -> Any:
    """Attempts that history counts and that spans tell of, orphans and duplicates, by start of the run."""
    t = TABLES["runs"]
    found = t.filter(within(t, "started", since, until))
    series = found.group_by(bucket=bucket(found["started"], bucket_ms)).aggregate(
        runs=found.count(),
        history_attempts=found["history_attempts"].sum(),
        span_attempts=found["span_attempts"].sum(),
        reconstructed=found["reconstructed"].sum(),
        orphan_spans=found["orphan_spans"].sum(),
        duplicate_spans=found["duplicate_spans"].sum(),
        without_history=(~found["from_history"].fill_null(False)).cast("int64").sum(),
    )
    return series.order_by("bucket")


def ingest_series(since: int, until: int, bucket_ms: int = 60_000) -> Any:
    """Spans by the time they arrived: how many, from how many services, and how long after their end (ms)."""
    t = TABLES["spans"]
    found = t.filter(within(t, "received", since, until))
    lag = (found["received"] - found["end"]) / 1000.0
    series = found.group_by(bucket=bucket(found["received"], bucket_ms)).aggregate(
        spans=found.count(),
        services=found["service"].nunique(),
        lag_p50_ms=lag.quantile(0.5),
        lag_p95_ms=lag.quantile(0.95),
        without_run=(found["workflow_id"] == "").cast("int64").sum(),
    )
    return series.order_by("bucket")


def workers(since: int | None = None, until: int | None = None, limit: int = 500) -> Any:
    """Workers as their attempts show them: what they ran, how it went, their build, their clock."""
    found = moments(since, until)
    found = found.filter(found["worker"].notnull())
    bad = failed(found)
    grouped = found.group_by(["worker", "task_queue"]).aggregate(
        attempts=found.count(),
        failed=bad.cast("int64").sum(),
        running=(found["status"] == "running").cast("int64").sum(),
        lost=(found["status"] == "lost").cast("int64").sum(),
        builds=found["build_id"].nunique(),
        build_id=found["build_id"].argmax(found["moment"], where=found["build_id"].notnull()),
        queue_p95_ms=found["queue_ms"].quantile(0.95),
        run_p95_ms=found["run_ms"].quantile(0.95),
        busy_ms=found["run_ms"].sum(),
        skew_p50_ms=found["skew_ms"].quantile(0.5),
        skew_min_ms=found["skew_ms"].min(),
        skew_max_ms=found["skew_ms"].max(),
        first_seen=found["moment"].min(),
        last_seen=found["moment"].max(),
    )
    return grouped.order_by([grouped["last_seen"].desc(), grouped["worker"], grouped["task_queue"]]).limit(limit)


def last_errors(run_id: list[str]) -> Any:
    """The newest failed attempt of each of these runs: why they are being retried, or why they failed."""
    t = TABLES["attempts"]
    found = t.filter([t["run_id"].isin(run_id), failed(t)])
    newest = found["ended"].fill_null(0)
    names = ("error_type", "error_message", "name", "attempt", "retry_by", "fingerprint")
    last = {name: found[name].argmax(newest) for name in names}
    return found.group_by("run_id").aggregate(**last, ended=found["ended"].max())


def span_sources(since: int | None = None, until: int | None = None, limit: int = 100) -> Any:
    """Which instrumentations tell of model calls in a period: spans by scope and service, and those with tokens."""
    t = TABLES["spans"]
    found = t.filter([t["kind"].isin(["model", "attempt"]), *within(t, "start", since, until)])
    grouped = found.group_by(["scope", "service"]).aggregate(
        spans=found.count(), with_tokens=found["input_tokens"].notnull().cast("int64").sum()
    )
    return grouped.order_by([grouped["spans"].desc(), grouped["scope"], grouped["service"]]).limit(limit)
