"""The follower on the real server: what it finds, how often it asks, and what it does while nobody answers."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client

from durascope.records import RetryBy, RunStatus, Status
from durascope_dashboard.demo.dev_server import DevServer, free_port
from durascope_dashboard.temporal.discovery import Found
from durascope_dashboard.temporal.pages import list_runs, run_key
from tests.histories import activities
from tests.temporal.conftest import Memory, eventually, following, working

pytestmark = [pytest.mark.server, pytest.mark.timeout(120)]


def new_id(name: str) -> str:
    return f"{name}-{uuid4().hex[:8]}"


async def test_an_open_run_is_followed_to_its_end(temporal_server: DevServer, memory: Memory) -> None:
    """It is seen running, seen waiting for a person, and seen completed; nothing is left to do afterwards."""
    client = await Client.connect(temporal_server.address)
    async with working(client) as queue, following(temporal_server.address, memory) as follower:
        name = new_id("waiting")
        handle = await client.start_workflow("Waiting", id=name, task_queue=queue)
        await memory.has(name, RunStatus.RUNNING)

        def waits() -> bool:
            record = memory.of(name)
            return record is not None and any(w.kind == "external_wait" and w.ended is None for w in record.waits)

        assert follower.open_runs >= 1
        await handle.signal("approve")
        await eventually(waits, "the open wait for a person")
        await handle.execute_update("choose", "sun")
        await memory.has(name, RunStatus.COMPLETED)
        await eventually(lambda: follower.open_runs == 0 and follower.lag_s < 2, "nothing left to follow")
        assert follower.state == "running"


async def test_runs_that_closed_before_are_read_once(temporal_server: DevServer, memory: Memory) -> None:
    """A closed run is written once, and not again by a follower that starts later over the same sink."""
    client = await Client.connect(temporal_server.address)
    name = new_id("before")
    async with working(client) as queue:
        await client.execute_workflow("Continued", 0, id=name, task_queue=queue)
    for _ in range(2):
        async with following(temporal_server.address, memory):
            await memory.has(name, RunStatus.COMPLETED)
            seen = memory.watermarks.get("default", 0)
            later = new_id("later")
            async with working(client) as queue:
                await client.execute_workflow("Child", "return", id=later, task_queue=queue)
            await memory.has(later, RunStatus.COMPLETED)
            await memory.has_watermark("default", after=seen)
    assert memory.written.count((name, RunStatus.COMPLETED)) == 1
    assert [status for written, status in memory.written if written == name] == [RunStatus.COMPLETED]


async def test_attempts_under_way_are_kept_as_evidence(temporal_server: DevServer, memory: Memory) -> None:
    """What Describe says between two attempts: how the former ended, when the next is due, who said so."""
    client = await Client.connect(temporal_server.address)
    name = new_id("slow")
    async with working(client) as queue, following(temporal_server.address, memory):
        await client.execute_workflow("Slow", id=name, task_queue=queue)
        await memory.has(name, RunStatus.COMPLETED)
    truth = {entry.attempt: entry for entry in activities.TRUTH if entry.workflow_id == name}
    for number in (1, 2):
        seen = memory.observations[name, "1", number]
        assert (seen["status"], seen["error_type"]) == (Status.ERROR, "RuntimeError")
        assert seen["error_message"] == f"attempt {number} failed"
        assert seen["ended"] / 1e6 == pytest.approx(truth[number].end, abs=0.3)
        assert (seen["retry_delay_ms"], seen["retry_by"]) == (1500, RetryBy.POLICY)
        assert seen["worker"]
    second = memory.observations[name, "1", 2]
    assert second["queued"] / 1e6 == pytest.approx(truth[1].end + 1.5, abs=0.3)


async def test_several_namespaces_at_once(tmp_path: Path, memory: Memory) -> None:
    """Runs of each namespace are found under its name, each with a watermark of its own."""
    with DevServer(namespaces=("one", "two")) as server:
        names = {}
        async with following(server.address, memory, namespaces=("one", "two")):
            for namespace in ("one", "two"):
                client = await Client.connect(server.address, namespace=namespace)
                names[namespace] = new_id(namespace)
                async with working(client) as queue:
                    await client.execute_workflow("Child", "return", id=names[namespace], task_queue=queue)
            for name in names.values():
                await memory.has(name, RunStatus.COMPLETED)
            await eventually(lambda: set(memory.watermarks) == {"one", "two"}, "both watermarks")
    assert {(key.namespace, key.workflow_id) for key in memory.records} == set(names.items())


async def test_the_server_may_be_away(tmp_path: Path, memory: Memory) -> None:
    """Not there at the start, there, gone, and back: the follower says so and goes on where it was."""
    port = free_port()
    server = DevServer(port=port, db=tmp_path / "temporal.db")
    async with following(server.address, memory) as follower:
        await eventually(lambda: follower.state == "down", "the server not there yet")
        assert follower.last_error is not None and str(port) in follower.last_error
        with server:
            client = await Client.connect(server.address)
            handle = await client.start_workflow(
                "Child", "wait", id="survivor", task_queue="nobody", execution_timeout=timedelta(minutes=5)
            )
            await memory.has("survivor", RunStatus.RUNNING)
        await eventually(lambda: follower.state == "down" and follower.lag_s > 0, "the server gone")
        with server:
            await eventually(lambda: follower.state == "running", "the server back", within=60)
            await handle.terminate()
            await memory.has("survivor", RunStatus.TERMINATED)


async def test_a_run_that_is_gone_is_counted_and_left_out(temporal_server: DevServer, memory: Memory) -> None:
    """Deleted between visibility's answer and the fetch, as retention does: no error, no endless retry."""
    client = await Client.connect(temporal_server.address)
    name = new_id("deleted")
    handle = await client.start_workflow("Child", "wait", id=name, task_queue="nobody")
    key = None
    while key is None:
        async for page in list_runs(client, "default", f"WorkflowId = '{name}'"):
            key = next((run_key("default", info) for info in page), None)
        await asyncio.sleep(0.05)
    execution = WorkflowExecution(workflow_id=name, run_id=handle.result_run_id or "")
    await client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(namespace="default", workflow_execution=execution)
    )
    async with following(temporal_server.address, memory) as follower:
        await eventually(lambda: follower.state == "running", "a start")
        ghost = Found(key._replace(run_id=str(uuid4())), is_open=False)
        tracker = follower._follow(client, ghost)
        await asyncio.wait_for(tracker.settled.wait(), 30)
        assert follower.gone >= 1
        assert memory.of(ghost.key.run_id) is None
