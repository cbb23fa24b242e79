"""The same question has the same answer on both engines: names, types, values and order, for every named query."""

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from durascope_dashboard.collector.history_rows import Histories
from durascope_dashboard.collector.joiner import join_here
from durascope_dashboard.store import schema
from durascope_dashboard.store.clickhouse_store import ClickHouseStore
from durascope_dashboard.store.duckdb_store import DuckStore
from durascope_dashboard.store.engine import Store
from durascope_dashboard.store.queries import QUERIES
from durascope_dashboard.store.queries.attempts import BY
from durascope_dashboard.store.queries.cohorts import COHORTS
from durascope_dashboard.store.queries.fleet import DIMENSIONS
from durascope_dashboard.store.queries.runs import ORDERS
from tests.clickhouse import Engine
from tests.dashboard import synthetic
from tests.histories.recording import load

NOW = 1_790_000_000_000_000
PERIOD = {"since": NOW - 5_000_000_000, "until": NOW}
NOTHING = {"since": 1, "until": 2}
UNORDERED = {name for name in QUERIES if name.startswith("metric_")} | {"last_errors"}
VIEWS = ("running", "failed", "retrying", "retried", "waiting", "stuck", "no_heartbeat", "task_problem", "backed_off",
         "queue_starved", "over_budget", "human", "wasteful", "incomplete", "trouble")  # fmt: skip


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory, clickhouse_engine: Engine
) -> Iterator[tuple[DuckStore, ClickHouseStore]]:
    """A made-up fleet with every trouble, and every golden history, joined; row for row in both engines."""
    path = tmp_path_factory.mktemp("agree") / "store.duckdb"
    with clickhouse_engine.database() as url, ClickHouseStore(url) as clickhouse, DuckStore(path) as duck:
        synthetic.tell(duck, synthetic.fleet(NOW), NOW)
        add_golden(duck)
        for table in schema.TABLES:
            clickhouse.append(table, duck.sql(f"SELECT * FROM {table}"))
        yield duck, clickhouse


def add_golden(store: Store) -> None:
    """Every golden history, as the collector stores and joins it."""
    records = [run.record for runs in load().runs.values() for run in runs]
    store.write(Histories.of(records).tables)
    keys = [(r.run.namespace, r.run.workflow_id, r.run.run_id) for r in records]
    store.replace_joined(join_here(store.evidence_tables(keys), NOW))


def same(name: str, one: pa.Table, other: pa.Table) -> None:
    """Equal tables; of a query that promises no order, equal rows. Floats to twelve digits: a sum has no order."""
    assert one.schema.names == other.schema.names
    assert [field.type for field in one.schema] == [field.type for field in other.schema]
    left, right = ([comparable(row) for row in table.to_pylist()] for table in (one, other))
    if name in UNORDERED:
        left, right = sorted(left, key=json.dumps), sorted(right, key=json.dumps)
    assert left == right


def comparable(row: dict[str, Any]) -> dict[str, Any]:
    """Without the duration of an open run, which is until now."""
    if row.get("status") == "running" and "history_events" in row:
        row["duration_ms"] = None
    return {name: float(f"{value:.12g}") if isinstance(value, float) else value for name, value in row.items()}


PAGED = ("operations", "attempts", "waits", "spans")


def questions(duck: DuckStore) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every query: as it is, over a period, over one in which nothing was, and by each of its dimensions."""
    runs = duck.query("runs", limit=10_000)
    some = runs.filter(pc.greater(runs["retries"], 0)).to_pylist()[:3]
    span = duck.sql("SELECT workflow_id, run_id, span_id, trace_id FROM spans LIMIT 1").to_pylist()[0]
    key = duck.query("run", workflow_id=span["workflow_id"]).to_pylist()[0]
    child = runs.filter(runs["parent_workflow_id"].is_valid()).to_pylist()[0]
    given = key | span | {"since": 1, "until": 2 * NOW}
    dimensions = {"attempt_groups": BY, "attempt_series": BY, "waste": BY, "cohorts": COHORTS, "tokens": DIMENSIONS}
    for name, query in QUERIES.items():
        lists = {"last_errors", "export_operations", "export_attempts", "export_spans"}
        needed = {k: given[k] for k, p in query.parameters.items() if p.default is p.empty and k in given}
        if name in lists:
            needed = {"run_id": runs["run_id"].to_pylist()}
        yield name, needed | ({"workflow_id": key["workflow_id"]} if name == "spans" else {})
        for period in (PERIOD, NOTHING):
            if "until" in query.parameters:
                yield name, {**needed, **{k: v for k, v in period.items() if k in query.parameters}}
        for by in dimensions.get(name, ()):
            yield name, needed | {"by": by}
    yield "span", {name: span[name] for name in ("workflow_id", "run_id", "span_id")}
    yield "structure", {name: span[name] for name in ("workflow_id", "run_id")}
    yield "spans", {"trace_id": span["trace_id"]}
    yield "children", {"workflow_id": child["parent_workflow_id"], "run_id": child["parent_run_id"]}
    yield "cohorts", {"bucket_ms": 600_000}
    yield "attempt_series", {**PERIOD, "failed_at_least": 1}
    yield "shared_values", {"bad": "slow_run", "threshold_ms": 100}
    yield "waste", {"workflow_type": some[0]["workflow_type"]}
    for row in some:
        key = {name: row[name] for name in schema.RUN_KEY}
        yield from ((name, key | page) for name in PAGED for page in ({}, {"limit": 2}, {"limit": 3, "offset": 1}))


@pytest.mark.parametrize("name", PAGED)
def test_pages_make_up_the_whole(both: tuple[DuckStore, ClickHouseStore], name: str) -> None:
    """Of each run's rows, on both engines; each row once."""
    for store in both:
        runs = store.query("runs", limit=20).select(schema.RUN_KEY).to_pylist()
        sizes = set()
        for key in runs:
            whole = store.query(name, **key).to_pylist()
            pages = [store.query(name, **key, limit=2, offset=n).to_pylist() for n in range(0, len(whole) + 1, 2)]
            assert [row for page in pages for row in page] == whole
            assert store.query(name, **key, offset=1).to_pylist() == whole[1:]
            sizes.add(len(whole))
        assert max(sizes) > 2


def test_every_query_answers_alike(both: tuple[DuckStore, ClickHouseStore]) -> None:
    """And most of them have something to answer."""
    duck, clickhouse = both
    told = set()
    for name, params in questions(duck):
        rows = duck.query(name, **params)
        told |= {name} if rows.num_rows else set()
        try:
            same(name, rows, clickhouse.query(name, **params))
        except AssertionError as error:
            error.add_note(f"{name} {params}")
            raise
    assert told >= QUERIES.keys() - {"metric_open_runs", "metric_idle_runs"}


@pytest.mark.parametrize(
    "params",
    [
        *({"order": order, "descending": down} for order in ORDERS for down in (True, False)),
        *({"view": view} for view in VIEWS),
        {"text": "RATE limit"}, {"text": "ÜBER 100%"}, {"text": "\\ ' \""}, {"agent": "Planner"},
        {"model": "gpt-5-mini"}, {"status": "failed,running"}, {"limit": 3, "offset": 2},
        {"where": "retries > 0 AND duration_ms > 1000 AND agent = 'Planner'"},
    ],
    ids=str,
)  # fmt: skip
def test_filters_orders_and_views_of_runs_are_alike(
    both: tuple[DuckStore, ClickHouseStore], params: dict[str, Any]
) -> None:
    """Also of those that look into operations and attempts; the totals too."""
    duck, clickhouse = both
    same("runs", duck.query("runs", **params), clickhouse.query("runs", **params))
    totals = {k: v for k, v in params.items() if k in QUERIES["run_totals"].parameters}
    same("run_totals", duck.query("run_totals", **totals), clickhouse.query("run_totals", **totals))
