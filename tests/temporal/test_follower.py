"""The follower on the real server: what it finds, how often it asks, and what it does while nobody answers."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest, RegisterNamespaceRequest
from temporalio.client import Client

from durascope.history import HistoryReader
from durascope.identity import RunKey
from durascope.records import HistoryRecord, RetryBy, RunStatus, Status
from durascope_dashboard.demo.dev_server import DevServer, free_port
from durascope_dashboard.temporal import describing
from durascope_dashboard.temporal.discovery import Found
from durascope_dashboard.temporal.pending import Row, observations
from tests.histories import activities
from tests.temporal.conftest import DEADLINE_S, QUICK, Memory, eventually, following, working

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


async def test_attempts_under_way_are_kept_as_evidence(
    temporal_server: DevServer, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Describe says between two attempts: how the former ended, when the next is due, who said so.

    Another run whose attempts are not understood holds up none of it, and is followed to its end.
    """
    client = await Client.connect(temporal_server.address)
    name, odd = new_id("slow"), new_id("odd")

    def observe_or_fail(key: RunKey, *arguments: Any) -> list[Row]:
        if key.workflow_id == odd:
            raise KeyError("unexpected")
        return observations(key, *arguments)

    monkeypatch.setattr(describing, "observations", observe_or_fail)
    async with working(client) as queue, following(temporal_server.address, memory):
        await asyncio.gather(*(client.execute_workflow("Slow", id=one, task_queue=queue) for one in (name, odd)))
        for one in (name, odd):
            await memory.has(one, RunStatus.COMPLETED)
    assert not [key for key in memory.observations if key[0] == odd]
    truth = {entry.attempt: entry for entry in activities.TRUTH if entry.workflow_id == name}
    for number in (1, 2):
        seen = memory.observations[name, "1", number]
        assert (seen["status"], seen["error_type"]) == (Status.ERROR, "RuntimeError")
        assert seen["error_message"] == f"attempt {number} failed"
        # The server hears of the end after it, and lets the next attempt begin 1.5 s later.
        assert truth[number].end <= seen["ended"] / 1e6 <= truth[number + 1].start - 1.5 + 0.05
        assert (seen["retry_delay_ms"], seen["retry_by"]) == (1500, RetryBy.POLICY)
        assert seen["worker"]
    second = memory.observations[name, "1", 2]
    first_end = memory.observations[name, "1", 1]["ended"] / 1e6
    assert second["queued"] / 1e6 == pytest.approx(first_end + 1.5, abs=0.05)


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
        assert str(port) in str(follower.error)
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


async def test_a_run_deleted_while_it_is_followed_is_left_out(temporal_server: DevServer, memory: Memory) -> None:
    """No error, no endless retry. The server terminates it first: who does not see that event in time counts it as
    gone, and the run stays as it was last seen.
    """
    client = await Client.connect(temporal_server.address)
    name = new_id("deleted")
    async with following(temporal_server.address, memory) as follower:
        handle = await client.start_workflow("Child", "wait", id=name, task_queue="nobody")
        await memory.has(name, RunStatus.RUNNING)
        execution = WorkflowExecution(workflow_id=name, run_id=handle.result_run_id or "")
        await client.workflow_service.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(namespace="default", workflow_execution=execution)
        )
        await eventually(lambda: follower.gone or memory.status(name) is RunStatus.TERMINATED, "its end")
        assert memory.status(name) is (RunStatus.RUNNING if follower.gone else RunStatus.TERMINATED)
        await eventually(lambda: all(key.workflow_id != name for key in follower._trackers), "followed no more")
        assert (follower.error, follower.unreadable) == (None, 0)


async def test_a_closed_run_that_is_gone_is_counted_and_left_out(temporal_server: DevServer, memory: Memory) -> None:
    """Taken by retention between visibility's answer and the fetch."""
    client = await Client.connect(temporal_server.address)
    async with following(temporal_server.address, memory) as follower:
        await eventually(lambda: follower.state == "running", "a start")
        ghost = Found(RunKey("default", new_id("ghost"), str(uuid4())), is_open=False)

        async def found() -> AsyncIterator[list[Found]]:
            yield [ghost]

        tracker = await follower._follow(client, ghost, found)
        assert tracker is not None
        await asyncio.wait_for(tracker.settled, 30)
        assert follower.gone >= 1
        assert ghost.key not in memory.records


async def test_a_namespace_that_is_refused_stops_no_other(tmp_path: Path, memory: Memory) -> None:
    """It is named with what to do, the lag tells of it, and it is followed once it is registered."""
    with DevServer(namespaces=("default",)) as server:
        async with following(server.address, memory, namespaces=("default", "later")) as follower:
            client = await Client.connect(server.address)
            first, second = new_id("default"), new_id("later")
            await client.start_workflow("Child", "wait", id=first, task_queue="nobody")
            await memory.has(first, RunStatus.RUNNING)
            await eventually(lambda: follower.error, "the refusal told")
            assert follower.state == "running" and follower.lag_s > 0
            assert "no namespace later" in str(follower.error) and "register it" in str(follower.error)
            await client.workflow_service.register_namespace(
                RegisterNamespaceRequest(
                    namespace="later", workflow_execution_retention_period=Duration(seconds=259_200)
                )
            )
            await eventually(lambda: follower.error is None, "the namespace registered")
            other = await Client.connect(server.address, namespace="later")
            await other.start_workflow("Child", "wait", id=second, task_queue="nobody")
            await memory.has(second, RunStatus.RUNNING)


async def test_a_run_that_is_not_understood_holds_up_no_other(
    temporal_server: DevServer, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it raises: counted once as unreadable, and the watermark goes on past it."""
    client = await Client.connect(temporal_server.address)
    bad, good = new_id("bad"), new_id("good")
    feed = HistoryReader.feed

    def feed_or_fail(reader: HistoryReader, event: HistoryEvent) -> None:
        if reader.key.workflow_id == bad:
            raise KeyError("unexpected")
        feed(reader, event)

    monkeypatch.setattr(HistoryReader, "feed", feed_or_fail)
    async with working(client) as queue:
        for name in (bad, good):
            await client.execute_workflow("Child", "return", id=name, task_queue=queue)
    closed = int(time.time() * 1e6)
    async with following(temporal_server.address, memory) as follower:
        await memory.has(good, RunStatus.COMPLETED)
        await memory.has_watermark("default", after=closed - 60_000_000)
        assert (follower.unreadable, memory.of(bad)) == (1, None)


async def test_a_store_that_takes_nothing_is_waited_out(
    temporal_server: DevServer, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: told with its reason, counted as lag, and nothing of what was read is lost."""
    client = await Client.connect(temporal_server.address)
    name = new_id("unwritten")
    full = True
    write = memory.write_history

    def write_if_there_is_room(records: Sequence[HistoryRecord]) -> None:
        if full:
            raise OSError("No space left on device")
        write(records)

    monkeypatch.setattr(memory, "write_history", write_if_there_is_room)
    async with following(temporal_server.address, memory) as follower:
        await client.start_workflow("Child", "wait", id=name, task_queue="nobody")
        await eventually(lambda: follower.state == "down" and follower.lag_s > 0.2, "the store's trouble")
        assert "the store does not take what was read (No space left on device)" in str(follower.error)
        full = False
        await memory.has(name, RunStatus.RUNNING)
        await eventually(lambda: (follower.state, follower.error) == ("running", None), "going on")


async def test_closed_runs_are_read_a_few_at_a_time(
    temporal_server: DevServer, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a long pause there may be very many: no more are held than there is room for, and the lag shows it."""
    client = await Client.connect(temporal_server.address)
    names = [new_id("many") for _ in range(8)]
    async with working(client) as queue:
        for name in names:
            await client.execute_workflow("Child", "return", id=name, task_queue=queue)
    room = threading.Event()
    write = memory.write_history

    def write_when_let(records: Sequence[HistoryRecord]) -> None:
        room.wait(DEADLINE_S)
        write(records)

    def held() -> int:
        return sum(tracker.closed for tracker in list(follower._trackers.values()))

    monkeypatch.setattr(memory, "write_history", write_when_let)
    pace = replace(QUICK, closed_held=3)
    async with following(temporal_server.address, memory, pace=pace) as follower:
        await eventually(lambda: held() == 3 and follower.lag_s > 0.3, "three of them held")
        assert not memory.watermarks
        room.set()
        for name in names:
            await memory.has(name, RunStatus.COMPLETED)
        await memory.has_watermark("default", after=0)
