"""Queries behind `/metrics`: the whole fleet summed by labels of low cardinality, in one pass a table.

A histogram column ``x_le_0 ... x_le_n`` counts the values up to each of ``conventions.DURATION_BUCKETS_S``.

What counters count must not change its labels afterwards: the second source to tell of an attempt may bring its build
or its error. So only what had ended by ``until``, some seconds ago, is counted; see ``export/metrics.py``.
"""

from typing import Any

import ibis

from durascope.conventions import DURATION_BUCKETS_S
from durascope_dashboard.store.queries.tables import TABLES
from durascope_dashboard.store.schema import RUN_KEY, TIME_CLASSES, TOKEN_KINDS

DURATIONS = ("queue", "run", "backoff")


def _histogram(column: Any, name: str) -> dict[str, Any]:
    """Cumulative counts, count and sum (ms) of a column in milliseconds; nulls are no observations."""
    counts = {
        f"{name}_le_{i}": (column <= bound * 1000.0).cast("int64").sum().fill_null(0)
        for i, bound in enumerate(DURATION_BUCKETS_S)
    }
    return {**counts, f"{name}_count": column.count(), f"{name}_sum": column.sum()}


def metric_runs(until: int) -> Any:
    """Closed runs by namespace, workflow type and status: durations, where the time went, coverage, one example."""
    t = TABLES["runs"]
    found = t.filter(t["closed"] <= until)
    names = ("history_attempts", "span_attempts", "reconstructed", "orphan_spans", "duplicate_spans")
    sums = {name: found[name].sum() for name in (*(f"time_{name}_ms" for name in TIME_CLASSES), *names)}
    example = {f"last_{name}": found[name].argmax(found["closed"]) for name in (*RUN_KEY, "duration_ms", "closed")}
    trace = {"last_trace_id": found["trace_id"].fill_null("").argmax(found["closed"])}
    return found.group_by(["namespace", "workflow_type", "status"]).aggregate(
        runs=found.count(), **sums, **example, **trace, **_histogram(found["duration_ms"], "duration")
    )


def metric_open_runs() -> Any:
    """Open runs by namespace, workflow type and what they wait for: how many, how old, how near the limits."""
    t = TABLES["runs"]
    found = t.filter(t["closed"].isnull())
    found = found.mutate(waiting=found["waiting_for"].fill_null("nothing"))
    return found.group_by(["namespace", "workflow_type", "waiting"]).aggregate(
        runs=found.count(),
        oldest=found["started"].min(),
        max_attempt=found["current_attempt"].max(),
        history_events=found["history_events"].max(),
        history_bytes=found["history_bytes"].max(),
    )


def metric_open_attempts(until: int) -> Any:
    """Attempts under way or due by ``until`` (not those in backoff): how many, since when, by where they run."""
    runs = TABLES["runs"]
    open_runs = runs.filter(runs["closed"].isnull()).select(*RUN_KEY, "workflow_type")
    t = TABLES["attempts"]
    due = (t["status"] == "pending") & (t["next_retry"].fill_null(0) <= until)
    found = t.filter(due | (t["status"] == "running")).join(open_runs, list(RUN_KEY))
    since = ibis.ifelse(found["status"] == "pending", found["queued"], found["started"])
    keys = ["namespace", "workflow_type", "kind", "task_queue", "status"]
    return found.group_by(keys).aggregate(attempts=found.count(), since=since.min())


def metric_idle_runs() -> Any:
    """Open runs in which nothing is under way and that wait for nothing: only a workflow task can move them on."""
    runs = TABLES["runs"]
    still = runs["closed"].isnull() & runs["waiting_for"].isnull() & runs["current_operation"].isnull()
    operations = TABLES["operations"]
    ended = operations.group_by(list(RUN_KEY)).aggregate(last=operations["closed"].max())
    found = runs.filter(still).left_join(ended, list(RUN_KEY))
    found = found.mutate(since=ibis.greatest(found["started"], found["last"].fill_null(0)))
    return found.group_by(["namespace", "workflow_type", "task_queue"]).aggregate(since=found["since"].min())


def _attempts(until: int) -> Any:
    """Ended attempts. One that only history implies has no end of its own: it counts when its run has rested."""
    runs = TABLES["runs"].select(*RUN_KEY, "workflow_type", run_updated="updated")
    t = TABLES["attempts"]
    found = t.filter(~t["status"].isin(["running", "pending"])).join(runs, list(RUN_KEY))
    return found.filter(ibis.coalesce(found["ended"], found["run_updated"], 0) <= until)


def metric_attempts(until: int) -> Any:
    """Ended attempts by type, kind, name, agent, model, build and outcome: counts, tokens and cost, useful or not."""
    found = _attempts(until)
    useful = found["useful"].fill_null(False)
    unknown = (found["kind"] == "model") & found["tokens_input"].isnull()
    sums = {
        f"{part}_{kind}": found[f"tokens_{kind}"].sum(where=where)
        for part, where in (("useful", useful), ("wasted", ~useful))
        for kind in TOKEN_KINDS
    }
    keys = ["namespace", "workflow_type", "kind", "name", "agent", "model", "build_id", "status"]
    return found.group_by(keys).aggregate(
        attempts=found.count(),
        retries=(found["attempt"] > 1).cast("int64").sum(),
        unknown=unknown.cast("int64").sum(),
        unpriced=(found["tokens_input"].notnull() & found["cost"].isnull()).cast("int64").sum(),
        cost_useful=found["cost"].sum(where=useful),
        cost_wasted=found["cost"].sum(where=~useful),
        **sums,
    )


def metric_times(until: int) -> Any:
    """Queue wait, run time and backoff of ended attempts, by type, kind and task queue."""
    found = _attempts(until)
    columns: dict[str, Any] = {}
    for name in DURATIONS:
        column = found[f"{name}_ms"]
        if name == "backoff":  # a first attempt has none, which is not one of 0
            column = ibis.ifelse(found["attempt"] > 1, column, ibis.null("float64"))
        columns |= _histogram(column, name)
    return found.group_by(["namespace", "workflow_type", "kind", "task_queue"]).aggregate(**columns)


def metric_errors(until: int) -> Any:
    """Attempts that did not succeed, by what failed and how."""
    found = _attempts(until)
    found = found.filter(found["status"] != "ok")
    found = found.mutate(error=found["error_type"].fill_null("_OTHER"))
    return found.group_by(["namespace", "workflow_type", "kind", "name", "status", "error"]).aggregate(
        attempts=found.count()
    )


def metric_task_failures(until: int) -> Any:
    """Workflow tasks that failed, by cause: non-determinism among them."""
    t = TABLES["operations"]
    runs = TABLES["runs"].select(*RUN_KEY, "workflow_type")
    found = t.filter([t["kind"] == "workflow_task_failure", t["scheduled"] <= until]).join(runs, list(RUN_KEY))
    return found.group_by(["namespace", "workflow_type", "name"]).aggregate(failures=ibis._.count())
