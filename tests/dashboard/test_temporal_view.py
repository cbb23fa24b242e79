"""What the Workers page asks of Temporal, on the real dev server; and its sentences about what is short."""

import asyncio
import time
import uuid
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.api.worker.v1 import WorkerSlotsInfo
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from durascope_dashboard import temporal_view
from durascope_dashboard.demo.dev_server import DevServer, free_port
from durascope_dashboard.exceptions import TemporalUnavailable
from durascope_dashboard.temporal.connection import TemporalConfig
from durascope_dashboard.views import workers


@activity.defn
async def nothing() -> None:
    """An activity for the worker to offer."""


@workflow.defn
class Idle:
    """A workflow for the worker to offer."""

    @workflow.run
    async def run(self) -> None:
        """Ends at once."""


@pytest.mark.server
async def test_pollers_slots_and_backlog_of_a_real_worker(temporal_server: DevServer) -> None:
    """A polled queue has pollers; a deserted one has the tasks that wait on it; the worker tells its slots."""
    client = await Client.connect(temporal_server.address)
    polled, deserted = f"polled-{uuid.uuid4()}", f"deserted-{uuid.uuid4()}"
    config = TemporalConfig(address=temporal_server.address)
    await client.start_workflow(Idle.run, id=f"idle-{uuid.uuid4()}", task_queue=deserted)
    worker = Worker(
        client, task_queue=polled, workflows=[Idle], activities=[nothing], max_concurrent_activities=7,
        workflow_runner=UnsandboxedWorkflowRunner(),  # this module imports far more than a workflow may
    )  # fmt: skip
    async with worker:
        deadline = time.monotonic() + 90
        while True:
            queues = [("default", polled), ("default", deserted)]
            seen = await asyncio.to_thread(temporal_view.look, queues, config)
            by = {(row["task_queue"], row["kind"]): row for row in seen.queues}
            polls = by[polled, "activity"]["pollers"] and by[polled, "workflow"]["pollers"]
            told = [row for row in seen.workers if row["task_queue"] == polled]
            counted = all(row["activity_slots"] for row in told)  # a beat at the very start has counted none yet
            if (polls and by[deserted, "workflow"]["backlog"] and counted) or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.2)
    assert by[polled, "activity"]["pollers"] == 1 and by[polled, "workflow"]["pollers"] >= 1
    assert by[deserted, "workflow"]["backlog"] == 1 and by[deserted, "workflow"]["pollers"] == 0
    assert f"1 workflow tasks wait on {deserted}, and nobody polls it." in workers.starved(seen.queues)
    if told:  # heartbeats come once a minute; the first may not be there yet
        assert told[0]["activity_slots"] == 7
    assert seen.address == temporal_server.address


def test_no_server_is_one_sentence() -> None:
    """Nobody listens: the error names the address and the setting."""
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(TemporalUnavailable, match=r"TEMPORAL_ADDRESS|--temporal"):
        temporal_view.look([], TemporalConfig(address=address))


def test_slots_that_a_first_heartbeat_has_not_counted_are_unknown() -> None:
    """Neither used nor free: that is no worker without slots."""
    assert temporal_view.slots(WorkerSlotsInfo()) == (None, None)
    assert temporal_view.slots(WorkerSlotsInfo(current_used_slots=2, current_available_slots=5)) == (2, 7)
    assert temporal_view.slots(WorkerSlotsInfo(current_available_slots=5)) == (0, 5)
    assert workers.slots_in_words(None, None, 3) == "–"
    assert workers.slots_in_words(0, 5, 1) == "0 of 5, 1 poller"
    assert workers.full([row(activity_slots=None, activity_used=None)]) == []


def row(**values: Any) -> dict[str, Any]:
    """A row about a queue or a worker."""
    return {"task_queue": "q", "kind": "activity", "backlog": 0, "pollers": 1, "backlog_age_ms": 0, "worker": "w",
            "activity_slots": 10, "activity_used": 1} | values  # fmt: skip


def test_what_is_short_is_said() -> None:
    """An old task, a deserted queue, a full worker: a sentence each; a short backlog that moves is none."""
    found = workers.starved([row(backlog=5), row(backlog=2, backlog_age_ms=9000), row(backlog=3, pollers=0)])
    assert len(found) == 2 and "has waited 9.00 s" in found[0] and "nobody polls it" in found[1]
    assert workers.full([row(), row(activity_used=10)]) == ["w uses all of its 10 activity slots on q."]
