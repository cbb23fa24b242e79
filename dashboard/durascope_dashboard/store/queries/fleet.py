"""Queries over many runs: what there is, how it goes over time, what fails, where the tokens went."""

from typing import Any

import ibis

from durascope_dashboard.exceptions import UsageError
from durascope_dashboard.store.queries.attempts import moments, unknown
from durascope_dashboard.store.queries.cohorts import BAD_ENDS
from durascope_dashboard.store.queries.tables import TABLES, bucket, within
from durascope_dashboard.store.schema import TOKEN_KINDS

FACETS = ("namespace", "workflow_type", "task_queue", "build_id", "status", "agents", "models")
DIMENSIONS = ("model", "agent", "kind", "name", "workflow_type", "task_queue")


def facets(since: int | None = None, until: int | None = None) -> Any:
    """Values that runs started in the period can be filtered by: ``facet``, ``value`` (agents, models: the JSON array),
    ``runs``.
    """
    t = TABLES["runs"]
    wanted = within(t, "started", since, until)
    found = t.filter(wanted) if wanted else t
    parts = [
        found.filter(found[name].notnull())
        .group_by(value=found[name])
        .aggregate(runs=lambda grouped: grouped.count())
        .select(facet=ibis.literal(name), value="value", runs="runs")
        for name in FACETS
    ]
    union = ibis.union(*parts, distinct=False)
    return union.order_by([union["facet"], union["runs"].desc(), union["value"]])


def fleet(since: int, until: int, bucket_ms: int = 60_000, workflow_type: list[str] | None = None) -> Any:
    """Runs by start time, in buckets of ``bucket_ms``: counts by outcome, retries, tokens, cost, median and p95."""
    t = TABLES["runs"]
    wanted = within(t, "started", since, until)
    if workflow_type:
        wanted.append(t["workflow_type"].isin(workflow_type))
    found = t.filter(wanted)
    found = found.mutate(bucket=bucket(found["started"], bucket_ms))
    done = found["status"] != "running"
    series = found.group_by("bucket").aggregate(
        runs=found.count(),
        failed=found["status"].isin(BAD_ENDS).cast("int64").sum(),
        running=(~done).cast("int64").sum(),
        retries=found["retries"].sum(),
        failed_attempts=found["failed_attempts"].sum(),
        billed_input=found["billed_input"].sum(),
        billed_output=found["billed_output"].sum(),
        wasted_input=found["wasted_input"].sum(),
        wasted_output=found["wasted_output"].sum(),
        unknown_attempts=found["unknown_attempts"].sum(),
        cost_billed=found["cost_billed"].sum(),
        cost_wasted=found["cost_wasted"].sum(),
        duration_p50_ms=found["duration_ms"].quantile(0.5, where=done),
        duration_p95_ms=found["duration_ms"].quantile(0.95, where=done),
        queue_p95_ms=found["queue_p95_ms"].max(),
    )
    return series.order_by("bucket")


def errors(
    since: int | None = None, until: int | None = None, limit: int = 100, workflow_type: list[str] | None = None
) -> Any:
    """Failed attempts whose moment is in the period, by fingerprint, the most frequent first, with an example each."""
    found = moments(since, until, workflow_type)
    found = found.filter(found["fingerprint"].notnull())
    newest = found["moment"].fill_null(0)  # of attempts without a time engines choose differently
    grouped = found.group_by("fingerprint").aggregate(
        attempts=found.count(),
        runs=found["run_id"].nunique(),
        error_type=found["error_type"].max(),
        error_message=found["error_message"].min(),
        kind=found["kind"].max(),
        name=found["name"].min(),
        first_seen=found["moment"].min(),
        last_seen=found["moment"].max(),
        **{name: found[name].argmax(newest) for name in ("workflow_id", "run_id", "namespace")},
    )
    return grouped.order_by([grouped["attempts"].desc(), grouped["fingerprint"]]).limit(limit)


def tokens(
    by: str = "model", since: int | None = None, until: int | None = None, limit: int = 100,
    workflow_type: list[str] | None = None,
) -> Any:  # fmt: skip
    """The ledger (billed, useful, unknown attempts, cost) of the model attempts whose moment is in the period, by one
    dimension; ``operations`` are those whose first attempt is.
    """
    if by not in DIMENSIONS:
        raise UsageError(f"tokens cannot be grouped by {by!r}; they can by: {', '.join(DIMENSIONS)}")
    found = moments(since, until, workflow_type, ["model"], typed=by == "workflow_type")
    useful = found["useful"].fill_null(False)
    sums = {
        f"{part}_{kind}": found[f"tokens_{kind}"].sum(where=where).fill_null(0)
        for part, where in (("billed", None), ("useful", useful)) for kind in TOKEN_KINDS
    }  # fmt: skip
    grouped = found.group_by(value=found[by]).aggregate(
        operations=(found["attempt"] == 1).cast("int64").sum(), attempts=found.count(),
        unknown_attempts=unknown(found).fill_null(False).cast("int64").sum(),
        cost_billed=found["cost"].sum(), cost_useful=found["cost"].sum(where=useful), **sums,
    )  # fmt: skip
    return grouped.order_by([grouped["billed_input"].desc(nulls_first=False), grouped["value"]]).limit(limit)
