"""Rows of any table from the few columns that matter to a test; the rest is null."""

from typing import Any

import pyarrow as pa

from durascope_dashboard.analysis.frames import from_arrow, to_arrow
from durascope_dashboard.analysis.join import Evidence, Joined
from durascope_dashboard.store import keys, schema
from durascope_dashboard.store.engine import Store

T0 = 1_790_000_000_000_000
RUN = {"namespace": "default", "workflow_id": "w", "run_id": "r"}


def rows(table: str, *given: dict[str, Any]) -> pa.Table:
    """An Arrow table with the schema of ``table``; rows belong to RUN unless they say otherwise."""
    assert all(set(row) <= set(schema.TABLES[table].names) for row in given), "a column that the table has not"
    return pa.Table.from_pylist([RUN | row for row in given], schema=schema.TABLES[table])


def run_rows(count: int, **more: Any) -> pa.Table:
    """``count`` completed runs, one a second, named w0, w1 ..."""
    return rows(
        "runs",
        *(
            {"workflow_id": f"w{i}", "run_id": f"r{i}", "first_run_id": f"r{i}", "workflow_type": "Order",
             "status": "completed", "started": T0 + i * 1_000_000, "closed": T0 + i * 1_000_000 + 500_000,
             "duration_ms": 500.0, "agents": '["Planner"]', "models": '["gpt-5"]', "retries": i % 3,
             "task_queue": "q", "attempts": 5, "updated": T0} | more
            for i in range(count)
        ),
    )  # fmt: skip


def evidence_of(store: Store, *run_keys: tuple[str, str, str]) -> Evidence:
    """All that a store has been told of these runs, as the join takes it."""
    return Evidence(**{name: from_arrow(found, name) for name, found in store.evidence_tables(run_keys).items()})


def put_joined(store: Store, joined: Joined) -> None:
    """Store what a join made."""
    store.replace_joined({name: to_arrow(getattr(joined, name), name) for name in keys.JOINED})
