"""Runs around a run: its place in its chain, its children; a few of them, each with the sums over all."""

from typing import Any, Final

import ibis

from durascope_dashboard.store.queries.tables import NOW, TABLES, of_run

BESIDE: Final = 2
"""Runs of a chain on each side of the one that is looked at."""
CHILDREN: Final = 12


def chain(workflow_id: str, first_run_id: str, run_id: str, namespace: str | None = None) -> Any:
    """The first and the newest run of a chain, and a run with its neighbours; ``place`` counts from 1."""
    found = of_run(TABLES["runs"], workflow_id, None, namespace)
    found = found.filter(found["first_run_id"] == first_run_id)
    order = [found["started"], found["run_id"]]
    found = _with_sums(found).mutate(place=ibis.row_number().over(order_by=order) + 1)
    found = found.mutate(here=(found["run_id"] == run_id).ifelse(found["place"], 0).max().over())
    ends = [found["place"] == 1, found["place"] == found["all_runs"]]
    beside = (found["place"] - found["here"]).abs() <= BESIDE
    return _shown(found.filter(ibis.or_(*ends, beside)).order_by("place"))


def children(workflow_id: str, run_id: str, namespace: str | None = None) -> Any:
    """Some children of a run: those that failed, then those that run, then the rest, each oldest first."""
    t = TABLES["runs"]
    wanted = [t["parent_workflow_id"] == workflow_id, t["parent_run_id"] == run_id]
    if namespace is not None:
        wanted.append(t["namespace"] == namespace)
    found = t.filter(wanted)
    failed = found["status"].isin(["failed", "timed_out", "terminated"])
    rank = ibis.cases((failed, 0), (found["status"] == "running", 1), else_=2)
    place = ibis.row_number().over(order_by=[found["started"], found["run_id"]]) + 1
    found = _with_sums(found).mutate(place=place, rank_=rank)
    return _shown(found.order_by(["rank_", "place"]).limit(CHILDREN))


def _with_sums(runs: Any) -> Any:
    """What all of them are together; the cost is null if that of one is."""
    closed = runs["duration_ms"].coalesce(0.0)
    so_far = (ibis.literal(NOW, "int64") - runs["started"]).cast("float64") / 1000.0
    tokens = runs["billed_input"].coalesce(0) + runs["billed_output"].coalesce(0)
    priced = runs["cost_billed"].notnull().ifelse(1, 0).sum().over()
    everything = runs.count().over()
    return runs.mutate(
        all_runs=everything,
        all_ms=(runs["status"] == "running").ifelse(so_far, closed).sum().over(),
        all_tokens=tokens.sum().over(),
        all_cost=(priced == everything).ifelse(runs["cost_billed"].sum().over(), None),
    )


def _shown(runs: Any) -> Any:
    return runs.select(
        "namespace", "workflow_id", "run_id", "status", "started", "closed", "duration_ms", "place", "all_runs",
        "all_ms", "all_tokens", "all_cost",
    )  # fmt: skip
