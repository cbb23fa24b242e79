"""Queries about attempts whose work came to nothing, with their tokens, money and time."""

from typing import Any

import ibis

from durascope_dashboard.store.queries.attempts import OPEN, ask_by, dimension, moments, unknown
from durascope_dashboard.store.queries.tables import TABLES
from durascope_dashboard.store.schema import RUN_KEY

TOOLS = ("tool", "mcp")


def lost_attempts(since: int | None, until: int | None, workflow_type: list[str] | None, *, typed: bool) -> Any:
    """Attempts whose moment is in the period and that were not useful, with all that the ledger calls wasted.

    Of those under way only what has already billed tokens; ``wait_ms`` is the backoff before the next attempt.
    """
    found = moments(since, until, workflow_type, typed=typed)
    window = ibis.window(group_by=[*RUN_KEY, "operation_id"], order_by="attempt")
    found = found.mutate(wait_ms=found["backoff_ms"].lead().over(window))
    lost = ~found["status"].isin(OPEN) | found["tokens_input"].notnull() | found["tokens_output"].notnull()
    return found.filter([lost, ~found["useful"].fill_null(False)])


def waste(
    by: str = "cause", since: int | None = None, until: int | None = None, workflow_type: list[str] | None = None,
    limit: int = 200,
) -> Any:  # fmt: skip
    """What came to nothing, by one dimension: attempts, tokens, USD, run time thrown away, backoff caused.

    An attempt counts at its moment. Tokens and USD sum to what the ledger calls wasted; ``unknown`` are model attempts
    whose tokens nobody saw: the sums leave them out.
    """
    found = lost_attempts(since, until, workflow_type, typed=ask_by(by) == "workflow_type")
    model = found["kind"] == "model"
    grouped = found.group_by(value=dimension(found, by)).aggregate(
        attempts=found.count(),
        model_attempts=model.fill_null(False).cast("int64").sum(),
        unknown=unknown(found).fill_null(False).cast("int64").sum(),
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
    """Tools by name: calls (their first attempts), attempts and time of the attempts whose moment is in the period, and
    the tokens and cost of the whole runs that they belong to.
    """
    calls = moments(since, until, workflow_type, list(TOOLS))
    per_run = calls.group_by(["name", *RUN_KEY]).aggregate(
        calls=(calls["attempt"] == 1).cast("int64").sum(), attempts=calls.count(), run_ms=calls["run_ms"].sum(),
        backoff_ms=calls["backoff_ms"].sum(),
    )  # fmt: skip
    r = TABLES["runs"]
    runs = r.select(*RUN_KEY, "billed_input", "billed_output", "cost_billed")
    found = per_run.join(runs, list(RUN_KEY))
    grouped = found.group_by(value=found["name"]).aggregate(
        runs=found.count(), calls=found["calls"].sum(), attempts=found["attempts"].sum(), run_ms=found["run_ms"].sum(),
        backoff_ms=found["backoff_ms"].sum(), billed_input=found["billed_input"].sum(),
        billed_output=found["billed_output"].sum(), cost_billed=found["cost_billed"].sum(),
    )  # fmt: skip
    return grouped.order_by([grouped["calls"].desc(), grouped["value"]]).limit(limit)
