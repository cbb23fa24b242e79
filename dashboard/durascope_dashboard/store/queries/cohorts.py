"""Queries that set groups of closed runs side by side: types, builds, models, queues, over time."""

from typing import Any

from durascope_dashboard.exceptions import UsageError
from durascope_dashboard.store.queries.tables import TABLES, bucket, within

COHORTS = ("workflow_type", "build_id", "task_queue", "models", "agents", "status", "namespace")
BAD_ENDS = ("failed", "timed_out", "terminated")


def cohorts(
    by: str = "workflow_type", since: int | None = None, until: int | None = None, bucket_ms: int | None = None,
    workflow_type: list[str] | None = None, limit: int = 5000,
) -> Any:  # fmt: skip
    """Closed runs by ``value`` (and ``bucket`` of their start): duration p50/p95/p99, retries, waste, cost."""
    if by not in COHORTS:
        raise UsageError(f"runs cannot be grouped by {by!r}; they can by: {', '.join(COHORTS)}")
    t = TABLES["runs"]
    wanted = [t["status"] != "running", *within(t, "started", since, until)]
    if workflow_type:
        wanted.append(t["workflow_type"].isin(workflow_type))
    found = t.filter(wanted)
    keys = {"value": found[by]}
    if bucket_ms:
        keys["bucket"] = bucket(found["started"], bucket_ms)
    grouped = found.group_by(**keys).aggregate(
        runs=found.count(),
        failed=found["status"].isin(BAD_ENDS).cast("int64").sum(),
        duration_p50_ms=found["duration_ms"].quantile(0.5),
        duration_p95_ms=found["duration_ms"].quantile(0.95),
        duration_p99_ms=found["duration_ms"].quantile(0.99),
        operations=found["operations"].sum(),
        attempts=found["attempts"].sum(),
        retries=found["retries"].sum(),
        retried_runs=(found["retries"] > 0).fill_null(False).cast("int64").sum(),
        queue_ms=found["time_queue_ms"].sum(),
        backoff_ms=found["time_backoff_ms"].sum(),
        billed_input=found["billed_input"].sum(),
        billed_output=found["billed_output"].sum(),
        wasted_input=found["wasted_input"].sum(),
        wasted_output=found["wasted_output"].sum(),
        unknown_attempts=found["unknown_attempts"].sum(),
        cost_billed=found["cost_billed"].sum(),
        cost_wasted=found["cost_wasted"].sum(),
    )
    return grouped.order_by([grouped["runs"].desc(), *(grouped[key] for key in keys)]).limit(limit)


def totals(since: int | None = None, until: int | None = None, workflow_type: list[str] | None = None) -> Any:
    """One row about all runs *started* in the period, whenever their attempts were: counts, tokens, cost, and runs that
    lack something.
    """
    t = TABLES["runs"]
    wanted = within(t, "started", since, until)
    if workflow_type:
        wanted.append(t["workflow_type"].isin(workflow_type))
    found = t.filter(wanted) if wanted else t
    running = found["status"] == "running"
    return found.aggregate(
        runs=found.count(),
        running=running.cast("int64").sum(),
        failed=found["status"].isin(BAD_ENDS).cast("int64").sum(),
        retrying=(running & (found["current_attempt"] > 1)).fill_null(False).cast("int64").sum(),
        attempts=found["attempts"].sum(),
        retries=found["retries"].sum(),
        failed_attempts=found["failed_attempts"].sum(),
        unknown_attempts=found["unknown_attempts"].sum(),
        billed_input=found["billed_input"].sum(),
        billed_output=found["billed_output"].sum(),
        wasted_input=found["wasted_input"].sum(),
        wasted_output=found["wasted_output"].sum(),
        cost_billed=found["cost_billed"].sum(),
        cost_wasted=found["cost_wasted"].sum(),
        unpriced=(found["unpriced_models"].fill_null("[]") != "[]").cast("int64").sum(),
        history_attempts=found["history_attempts"].sum(),
        span_attempts=found["span_attempts"].sum(),
        reconstructed=found["reconstructed"].sum(),
        orphan_spans=found["orphan_spans"].sum(),
        duplicate_spans=found["duplicate_spans"].sum(),
        without_history=(~found["from_history"].fill_null(False)).cast("int64").sum(),
        oldest=found["started"].min(),
        newest=found["started"].max(),
    )
