"""Queries about runs and what is in one."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from durascope_dashboard.clock import micros_now
from durascope_dashboard.exceptions import UsageError
from durascope_dashboard.store.queries.cohorts import BAD_ENDS
from durascope_dashboard.store.queries.tables import NOW, TABLES, of_run, within

ORDERS = ("started", "closed", "duration_ms", "attempts", "retries", "failed_attempts", "billed_input", "billed_output",
          "cost_billed", "cost_wasted", "time_queue_ms", "time_backoff_ms", "max_backoff_ms", "queue_p95_ms",
          "updated")  # fmt: skip
DEFAULT_BUDGET = 100_000
"""Tokens a run may bill before the view over_budget shows it."""
_SILENT_US = 60_000_000


def _any_of(table: Any, column: str, wanted: list[str] | None) -> list[Any]:
    return [table[column].isin(wanted)] if wanted else []


def _json_contains(table: Any, column: str, wanted: list[str] | None) -> list[Any]:
    """Rows whose JSON array of names holds one of ``wanted``."""
    if not wanted:
        return []
    return [ibis.or_(*(table[column].contains(json.dumps(name, ensure_ascii=False)) for name in wanted))]


def _with_attempt(table: Any, column: str, wanted: list[str] | None) -> list[Any]:
    """Runs of which some attempt has one of these values."""
    if not wanted:
        return []
    a = TABLES["attempts"]
    return [table["run_id"].isin(a.filter(a[column].isin(wanted))["run_id"])]


def _silent(table: Any) -> Any:
    """Runs with an attempt that has been running for a minute without a sign of life."""
    a = TABLES["attempts"]
    sign = ibis.coalesce(a["last_heartbeat"], a["started"])
    return table["run_id"].isin(a.filter([a["status"] == "running", sign + _SILENT_US < NOW])["run_id"])


def _task_problem(table: Any) -> Any:
    """Runs with a workflow task that failed: non-determinism, a bug in workflow code, a deadlock."""
    o = TABLES["operations"]
    return table["run_id"].isin(o.filter(o["kind"] == "workflow_task_failure")["run_id"])


def _views(table: Any, view: str | None, budget: int) -> list[Any]:
    """Troubles by name; the same words as the Runs page."""
    running = table["status"] == "running"
    views = {
        "all": [],
        "running": [running],
        "failed": [table["status"].isin(BAD_ENDS)],
        "retrying": [running, table["current_attempt"] > 1],
        "retried": [table["retries"] > 0],
        "waiting": [running, table["waiting_for"].isin(["human", "timer"])],
        "stuck": [running, table["waiting_for"] == "worker"],
        "no_heartbeat": [running, _silent(table)],
        "task_problem": [_task_problem(table)],
        "backed_off": [table["time_backoff_ms"] > 0],
        "queue_starved": [(table["queue_p95_ms"] > 1000) | (table["waiting_for"] == "worker")],
        "over_budget": [(table["billed_input"] + table["billed_output"]) > budget],
        "human": [running, table["waiting_for"] == "human"],
        "wasteful": [(table["wasted_input"] + table["wasted_output"]) > 0],
        "incomplete": [table["history_attempts"] > table["span_attempts"]],
        "trouble": [
            table["status"].isin(BAD_ENDS)
            | (running & ((table["current_attempt"] > 1) | (table["waiting_for"] == "worker")))
        ],
    }
    if view is None:
        return []
    if view not in views:
        raise UsageError(f"there is no view {view!r} of runs; there are: {', '.join(views)}")
    return views[view]


def _searched(table: Any, text: str | None) -> list[Any]:
    """Every word must be somewhere in the run's names or its failure, in any case."""
    if not text:
        return []
    columns = ("workflow_id", "run_id", "workflow_type", "task_queue", "agents", "models", "failure_message",
               "failure_type", "last_error_type", "conversation_id", "trace_id")  # fmt: skip
    return [
        ibis.or_(*(table[c].fill_null("").lower().contains(word) for c in columns)) for word in text.lower().split()[:8]
    ]


def cursor_after(row: Mapping[str, Any], order: str = "started") -> str:
    """Where the page after this row of ``runs`` begins."""
    key = [row[order], row["workflow_id"], row["run_id"]]
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _after(table: Any, cursor: str | None, order: str, descending: bool) -> list[Any]:
    if cursor is None:
        return []
    try:
        value, workflow, run = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        value = value if value is None or isinstance(value, float) else pa.scalar(int(value), pa.int64()).as_py()
    except (ValueError, TypeError, OverflowError):
        raise UsageError("the cursor is not one that the query 'runs' gave; ask for the first page again") from None
    column, same = (
        table[order],
        (table["workflow_id"] > str(workflow))
        | ((table["workflow_id"] == str(workflow)) & (table["run_id"] > str(run))),
    )
    if value is None:  # nulls come last
        return [column.isnull() & same]
    further = column < value if descending else column > value
    return [further | column.isnull() | ((column == value) & same)]


def _where(table: Any, text: str | None) -> list[Any]:
    if not text:
        return []
    from durascope_dashboard.analysis.run_filter import to_expression

    return [to_expression(table, text)]


def _matching(
    table: Any, *, status: list[str] | None, workflow_type: list[str] | None, agent: list[str] | None,
    model: list[str] | None, task_queue: list[str] | None, build_id: list[str] | None, namespace: list[str] | None,
    workflow_id: list[str] | None, since: int | None, until: int | None, text: str | None, view: str | None,
    where: str | None, budget: int, activity: list[str] | None, worker: list[str] | None,
    fingerprint: list[str] | None,
) -> list[Any]:  # fmt: skip
    """The conditions that :func:`runs` and :func:`run_totals` share."""
    return [
        *within(table, "started", since, until), *_any_of(table, "status", status),
        *_any_of(table, "workflow_type", workflow_type), *_any_of(table, "task_queue", task_queue),
        *_any_of(table, "build_id", build_id), *_any_of(table, "namespace", namespace),
        *_any_of(table, "workflow_id", workflow_id), *_json_contains(table, "agents", agent),
        *_json_contains(table, "models", model), *_searched(table, text), *_views(table, view, budget),
        *_where(table, where), *_with_attempt(table, "name", activity), *_with_attempt(table, "worker", worker),
        *_with_attempt(table, "fingerprint", fingerprint),
    ]  # fmt: skip


def runs(
    limit: int = 100,
    offset: int = 0,
    cursor: str | None = None,
    status: list[str] | None = None,
    workflow_type: list[str] | None = None,
    agent: list[str] | None = None,
    model: list[str] | None = None,
    task_queue: list[str] | None = None,
    build_id: list[str] | None = None,
    namespace: list[str] | None = None,
    workflow_id: list[str] | None = None,
    since: int | None = None,
    until: int | None = None,
    text: str | None = None,
    view: str | None = None,
    order: str = "started",
    descending: bool = True,
    where: str | None = None,
    budget: int = DEFAULT_BUDGET,
    activity: list[str] | None = None,
    worker: list[str] | None = None,
    fingerprint: list[str] | None = None,
) -> Any:
    """Runs with their roll-ups, newest first. ``since``/``until`` bound ``started``; lists match any value.

    ``where`` is a filter as `durascope runs --query` takes it; ``activity``, ``worker`` and ``fingerprint`` are
    values that one of the run's attempts has; ``budget`` are the tokens of the view over_budget.
    """
    if order not in ORDERS:
        raise UsageError(f"runs cannot be ordered by {order!r}; they can by: {', '.join(ORDERS)}")
    t = TABLES["runs"]
    wanted = _matching(
        t, status=status, workflow_type=workflow_type, agent=agent, model=model, task_queue=task_queue,
        build_id=build_id, namespace=namespace, workflow_id=workflow_id, since=since, until=until, text=text,
        view=view, where=where, budget=budget, activity=activity, worker=worker, fingerprint=fingerprint,
    )  # fmt: skip
    wanted += _after(t, cursor, order, descending)
    found = t.filter(wanted) if wanted else t
    by = t[order].desc(nulls_first=False) if descending else t[order].asc(nulls_first=False)
    return found.order_by([by, t["workflow_id"].asc(), t["run_id"].asc()]).limit(limit, offset=max(offset, 0))


def run_totals(
    status: list[str] | None = None, workflow_type: list[str] | None = None, agent: list[str] | None = None,
    model: list[str] | None = None, task_queue: list[str] | None = None, build_id: list[str] | None = None,
    namespace: list[str] | None = None, since: int | None = None, until: int | None = None, text: str | None = None,
    view: str | None = None, where: str | None = None, budget: int = DEFAULT_BUDGET,
    activity: list[str] | None = None, worker: list[str] | None = None, fingerprint: list[str] | None = None,
) -> Any:  # fmt: skip
    """One row about all runs that :func:`runs` would answer without a limit: counts, tokens, cost."""
    t = TABLES["runs"]
    wanted = _matching(
        t, status=status, workflow_type=workflow_type, agent=agent, model=model, task_queue=task_queue,
        build_id=build_id, namespace=namespace, workflow_id=None, since=since, until=until, text=text, view=view,
        where=where, budget=budget, activity=activity, worker=worker, fingerprint=fingerprint,
    )  # fmt: skip
    found = t.filter(wanted) if wanted else t
    return found.aggregate(
        runs=found.count(),
        running=(found["status"] == "running").cast("int64").sum(),
        failed=found["status"].isin(BAD_ENDS).cast("int64").sum(),
        attempts=found["attempts"].sum(), retries=found["retries"].sum(),
        billed_input=found["billed_input"].sum(), billed_output=found["billed_output"].sum(),
        wasted_input=found["wasted_input"].sum(), wasted_output=found["wasted_output"].sum(),
        unknown_attempts=found["unknown_attempts"].sum(),
        cost_billed=found["cost_billed"].sum(), cost_wasted=found["cost_wasted"].sum(),
    )  # fmt: skip


def run(workflow_id: str, run_id: str | None = None, namespace: str | None = None) -> Any:
    """One run: the newest of the workflow id if no run id is given. No row if it is unknown."""
    found = of_run(TABLES["runs"], workflow_id, run_id, namespace)
    return found.order_by([found["started"].desc(), found["run_id"].asc()]).limit(1)


def peers(workflow_type: str, run_id: str, limit: int = 500) -> Any:
    """The newest closed runs of a type without this one, in their numbers: their median is what is usual for it."""
    t = TABLES["runs"]
    found = t.filter([t["workflow_type"] == workflow_type, t["run_id"] != run_id, t["status"] != "running"])
    found = found.order_by([found["started"].desc(nulls_first=False), found["workflow_id"], found["run_id"]])
    numbers = [name for name, kind in t.schema().items() if kind.is_numeric()]
    return found.limit(limit).select("run_id", "status", *numbers)


def operations(
    workflow_id: str, run_id: str | None = None, namespace: str | None = None,
    limit: int | None = None, offset: int = 0,
) -> Any:  # fmt: skip
    """Operations of a run, as scheduled."""
    found = of_run(TABLES["operations"], workflow_id, run_id, namespace)
    return _page(found, ["scheduled", "event_id", "operation_id", "run_id"], limit, offset)


def attempts(
    workflow_id: str, run_id: str | None = None, namespace: str | None = None,
    limit: int | None = None, offset: int = 0,
) -> Any:  # fmt: skip
    """Attempts of a run, by operation and number."""
    found = of_run(TABLES["attempts"], workflow_id, run_id, namespace)
    return _page(found, ["operation_id", "attempt", "run_id"], limit, offset)


def waits(
    workflow_id: str, run_id: str | None = None, namespace: str | None = None,
    limit: int | None = None, offset: int = 0,
) -> Any:  # fmt: skip
    """Workflow tasks and external waits of a run."""
    found = of_run(TABLES["history_waits"], workflow_id, run_id, namespace)
    return _page(found, ["started", "kind", "ended", "run_id"], limit, offset)


def spans(
    workflow_id: str | None = None, run_id: str | None = None, namespace: str | None = None,
    trace_id: str | None = None, limit: int = 5000, offset: int = 0,
) -> Any:  # fmt: skip
    """Spans of a run or of a trace, each once: the last that arrived of each id."""
    if workflow_id is None and trace_id is None:
        raise UsageError("the query 'spans' needs workflow_id or trace_id")
    t = TABLES["spans"]
    found = t if workflow_id is None else of_run(t, workflow_id, run_id, namespace)
    if trace_id is not None:
        found = found.filter(found["trace_id"] == trace_id)
    rank = ibis.row_number().over(group_by=[found["trace_id"], found["span_id"]], order_by=found["seq"].desc())
    last = found.mutate(rank_=rank)
    last = last.filter(last["rank_"] == 0).drop("rank_")
    return _page(last, ["start", "span_id", "trace_id"], limit, offset)


def _page(found: Any, order: list[str], limit: int | None, offset: int) -> Any:
    """Some of the rows, all from ``offset`` on without a limit. The order leaves no two rows to chance."""
    ordered = found.order_by([found[column] for column in order])
    return ordered.limit(limit, offset=max(offset, 0)) if limit is not None or offset else ordered


def with_durations(rows: pa.Table) -> pa.Table:
    """``duration_ms`` of what still runs, until this moment."""
    now = micros_now()
    until = pc.if_else(pc.equal(rows["status"], "running"), now, pc.coalesce(rows["closed"], rows["started"]))
    open_ms = pc.divide(pc.cast(pc.max_element_wise(pc.subtract(until, rows["started"]), 0), pa.float64()), 1000.0)
    found = pc.if_else(pc.equal(rows["status"], "running"), open_ms, rows["duration_ms"])
    return rows.set_column(rows.schema.get_field_index("duration_ms"), "duration_ms", found)
