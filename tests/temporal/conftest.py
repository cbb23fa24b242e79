"""A follower over the real server, with a sink in memory that keeps what it was given."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from durascope.identity import RunKey
from durascope.records import (
    AttemptFacts,
    HistoryRecord,
    Micros,
    OperationFacts,
    RunFacts,
    RunStatus,
    Tokens,
    WaitFacts,
)
from durascope_dashboard.collector.history_rows import Histories
from durascope_dashboard.store import schema
from durascope_dashboard.temporal.connection import TemporalConfig
from durascope_dashboard.temporal.follower import Follower
from durascope_dashboard.temporal.pace import Pace
from tests.histories import activities, scenarios

DEADLINE_S = 30.0
QUICK = Pace(discover_s=0.2, reconcile_s=1.0, flush_s=0.05, describe_s=0.2, backoff_s=(0.05, 0.2))


class Memory:
    """What a follower wrote: the last record of each run, every version's status, and all observations."""

    def __init__(self) -> None:
        self.records: dict[RunKey, HistoryRecord] = {}
        self.written: list[tuple[str, RunStatus]] = []
        self.observations: dict[tuple[str, str, int], Mapping[str, Any]] = {}
        self.watermarks: dict[str, Micros] = {}

    def write_history(self, records: Sequence[HistoryRecord]) -> None:
        """See Sink."""
        for record in records:
            run = record.run
            self.records[RunKey(run.namespace, run.workflow_id, run.run_id)] = record
            self.written.append((run.workflow_id, run.status))

    def write_histories(self, histories: Histories) -> None:
        """See Sink. The rows are made records again."""
        self.write_history([record_of(key, histories) for key in histories.runs])

    def write_observations(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """See Sink."""
        for row in rows:
            self.observations[row["workflow_id"], row["activity_id"], row["attempt"]] = row

    def known_closed(self, keys: Iterable[RunKey]) -> set[RunKey]:
        """See Sink."""
        return {key for key in keys if key in self.records and self.records[key].run.closed is not None}

    def watermark(self, namespace: str) -> Micros | None:
        """See Sink."""
        return self.watermarks.get(namespace)

    def set_watermark(self, namespace: str, micros: Micros) -> None:
        """See Sink."""
        self.watermarks[namespace] = micros

    def of(self, workflow_id: str) -> HistoryRecord | None:
        """The record of a workflow's only run."""
        return next((r for key, r in self.records.items() if key.workflow_id == workflow_id), None)

    def status(self, workflow_id: str) -> RunStatus | None:
        """Its status, if it is known."""
        record = self.of(workflow_id)
        return record.run.status if record else None

    async def has(self, workflow_id: str, status: RunStatus) -> None:
        """Wait until the run is stored with that status."""
        await eventually(lambda: self.status(workflow_id) is status, f"{workflow_id} {status}")

    async def has_watermark(self, namespace: str, *, after: Micros) -> None:
        """Wait until the watermark is past that moment."""
        await eventually(lambda: self.watermarks.get(namespace, 0) > after, "the watermark past that moment")


def record_of(key: RunKey, histories: Histories) -> HistoryRecord:
    """A run's record from its rows."""
    rows = {
        name: [row for row in table.to_pylist() if tuple(row[column] for column in RunKey._fields) == key]
        for name, table in histories.tables.items()
    }
    (run,) = rows["history_runs"]
    for attempt in rows["history_attempts"]:
        counts = {kind: attempt.pop(f"tokens_{kind}") for kind in schema.TOKEN_KINDS}
        attempt["tokens"] = None if counts["input"] is None else Tokens(**counts)
    return HistoryRecord(
        RunFacts(**run | {"status": RunStatus(run["status"])}),
        [OperationFacts(**row) for row in rows["history_operations"]],
        [AttemptFacts(**row) for row in rows["history_attempts"]],
        [WaitFacts(**row) for row in rows["history_waits"]],
    )


async def eventually(check: Callable[[], Any], what: str, within: float = DEADLINE_S) -> None:
    """Wait until ``check`` holds."""
    deadline = time.monotonic() + within
    while not check():
        assert time.monotonic() < deadline, f"not in {within:.0f} s: {what}"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def following(address: str, sink: Memory, **options: Any) -> AsyncIterator[Follower]:
    """A follower that runs for the body."""
    namespaces = options.pop("namespaces", ())
    follower = Follower(TemporalConfig(address, namespaces), sink, **({"pace": QUICK} | options))
    task = asyncio.create_task(follower.run())
    try:
        yield follower
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def working(client: Client) -> AsyncIterator[str]:
    """A worker for the scenarios; its task queue."""
    queue = f"q-{uuid4().hex[:8]}"
    async with Worker(
        client,
        task_queue=queue,
        workflows=scenarios.WORKFLOWS,
        activities=activities.ACTIVITIES,
        nexus_service_handlers=[scenarios.WeatherHandler()],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield queue


@pytest.fixture
def memory() -> Memory:
    """An empty one."""
    return Memory()
