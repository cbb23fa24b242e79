"""Queries about what retries cost: attempts whose work came to nothing, with their tokens, money and time."""

from typing import Any

import ibis

from durascope_dashboard.store.queries.attempts import ask_by, dimension, moments
from durascope_dashboard.store.queries.tables import TABLES, within
from durascope_dashboard.store.schema import RUN_KEY

TOOLS = ("tool", "mcp")


def lost_attempts(since: int | None, until: int | None, workflow_type: list[str] | None, *, typed: bool) -> Any:
    """Attempts that are over and were not useful; ``wait_ms`` is the backoff before the next attempt."""
    found = moments(since, until, workflow_type, typed=typed)
    window = ibis.window(group_by=[*RUN_KEY, "operation_id"], order_by="attempt")
    found = found.mutate(wait_ms=found["backoff_ms"].lead().over(window))
    over = ~found["status"].isin(["running", "pending"])
    # A tool that went well is useful; only what did not end well, or what was paid for twice, is lost.
    return found.filter([over, ~found["useful"].fill_null(False), found["status"] != "ok"])


def waste(
    by: str = "cause", since: int | None = None, until: int | None = None, workflow_type: list[str] | None = None,
    limit: int = 200,
) -> Any:  # fmt: skip
    """What failed attempts cost, by one dimension: attempts, tokens, USD, run time thrown away, backoff caused.

    ``unknown`` are model attempts whose tokens nobody saw: the sums leave them out.
    """
    found = lost_attempts(since, until, workflow_type, typed=ask_by(by) == "workflow_type")
    model = found["kind"] == "model"
    unknown = model & found["tokens_input"].isnull() & found["tokens_output"].isnull()
    grouped = found.group_by(value=dimension(found, by)).aggregate(
        attempts=found.count(),
        model_attempts=model.fill_null(False).cast("int64").sum(),
        unknown=unknown.fill_null(False).cast("int64").sum(),
        runs=found["run_id"].nunique(),
        tokens_input=found["tokens_input"].sum(),
        tokens_output=found["tokens_output"].sum(),
        cost=found["cost"].sum(),
        run_ms=found["run_ms"].sum(),
        backoff_ms=found["wait_ms"].sum(),
    )
    return grouped.order_by([grouped["attempts"].desc(), grouped["value"]]).limit(limit)


def tools(
    since: int | None = None, until: int | None = None, workflow_type: list[str] | None = None, limit: int = 200,
) -> Any:  # fmt: skip
    """Tools by name: calls, attempts, time, and the tokens and cost of the runs that call them."""
    t = TABLES["operations"]
    calls = t.filter([t["kind"].isin(TOOLS), *within(t, "scheduled", since, until)])
    per_run = calls.group_by(["name", *RUN_KEY]).aggregate(
        calls=calls.count(), attempts=calls["attempts"].sum(), run_ms=calls["run_ms"].sum(),
        backoff_ms=calls["backoff_ms"].sum(),
    )  # fmt: skip
    r = TABLES["runs"]
    if workflow_type:
        r = r.filter(r["workflow_type"].isin(workflow_type))
    runs = r.select(*RUN_KEY, "billed_input", "billed_output", "cost_billed")
    found = per_run.join(runs, list(RUN_KEY))
    grouped = found.group_by(value=found["name"]).aggregate(
        runs=found.count(), calls=found["calls"].sum(), attempts=found["attempts"].sum(), run_ms=found["run_ms"].sum(),
        backoff_ms=found["backoff_ms"].sum(), billed_input=found["billed_input"].sum(),
        billed_output=found["billed_output"].sum(), cost_billed=found["cost_billed"].sum(),
    )  # fmt: skip
    return grouped.order_by([grouped["calls"].desc(), grouped["value"]]).limit(limit)
