"""How telemetry leaves a worker process: at once, through a collector's absence, and whole on shutdown."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from opentelemetry.sdk.trace import TracerProvider
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from durascope import DurascopePlugin
from durascope import conventions as c
from durascope_dashboard.demo.dev_server import free_port
from tests.instrumentation import inside
from tests.instrumentation.fleet import Crew, Station, started
from tests.instrumentation.inside import exporting, working
from tests.instrumentation.receiver import Received, Receiver
from tests.instrumentation.scenario import Journey
from tests.instrumentation.test_matrix import of, whole
from tests.instrumentation.world import World, unique


def crew(world: World, port: int, queue: str) -> Crew:
    """A worker that exports to this port."""
    environment = {**world.environment, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
    return Crew(world.temporal.address, world.log, (Station(queue),), environment)


async def run(world: World, words: str, queue: str) -> WorkflowHandle[Journey, str]:
    """One whole run."""
    client = await Client.connect(world.temporal.address)
    uid = unique(words.split()[0])
    handle = await client.start_workflow(Journey.run, f"{words} {uid}", id=uid, task_queue=queue)
    assert await asyncio.wait_for(handle.result(), 90) == "Found."
    return handle


async def until(check: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 60
    while not check():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.05)


def attempts(receiver: Receiver, run_id: str | None) -> dict[tuple[str, int], Received]:
    """(activity id, attempt) -> its span; fails if there are two of one."""
    spans = [s for s in receiver.spans if s.attributes.get(c.KIND) == c.SPAN_ATTEMPT]
    ours = [s for s in spans if s.attributes[c.RUN_ID] == run_id]
    found = {(s.attributes[c.ACTIVITY_ID], s.attributes[c.ATTEMPT]): s for s in ours}
    assert len(found) == len(ours)
    return found


def ran(world: World, run_id: str | None) -> set[tuple[str, int]]:
    """What really ran."""
    return {(activity, attempt) for _, activity, attempt in world.told([run_id or ""])}


def right(receiver: Receiver, world: World, handle: WorkflowHandle[Journey, str]) -> bool:
    """Whether each attempt that ran is there, with its end; and if so, with the tokens that were billed."""
    run_id = handle.first_execution_run_id or ""
    told = {(activity, attempt): words[-1] for (_, activity, attempt), words in world.told([run_id]).items()}
    found = attempts(receiver, run_id)
    if {key: span.attributes[c.OUTCOME] for key, span in found.items()} != told:
        return False
    billed = world.billed(handle.id)
    for name, kind in ((c.GEN_AI_INPUT_TOKENS, "input"), (c.GEN_AI_OUTPUT_TOKENS, "output")):
        assert sum(span.attributes.get(name, 0) for span in found.values()) == billed[kind]
    return True


async def test_a_collector_that_is_down_during_the_run(world: World) -> None:
    """The run never notices, and everything arrives when the collector does; then one that answers 503 a while."""
    port, queue = free_port(), unique("down")
    with started(crew(world, port, queue)):
        first = await run(world, "flaky", queue)
        with Receiver(port) as receiver:
            await until(lambda: right(receiver, world, first), "what happened before the collector came")
            receiver.status = 503
            second = await run(world, "limited flaky", queue)
            receiver.status = 200
            await until(lambda: right(receiver, world, second), "what happened while the collector refused")
            assert len({event.span for event in receiver.events}) == len(receiver.events)


async def test_export_over_grpc(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the standard variable says; all else is the same."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{world.collector.grpc}")
    with exporting() as plugin:
        async with working(world, monkeypatch, [plugin]) as (client, queue):
            handle = await inside.run(client, queue, "limited flaky")
        await whole(world, client, of(handle), handle.id)


async def test_attempts_leave_within_a_second_and_all_is_there_after_shutdown(world: World) -> None:
    """A start is seen before its attempt ends, an end within a second; SIGTERM loses nothing."""
    queue = unique("soon")
    with Receiver() as receiver:
        with started(crew(world, receiver.port, queue)) as process:
            client = await Client.connect(world.temporal.address)
            uid = unique("slow")
            handle = await client.start_workflow(Journey.run, f"slow {uid}", id=uid, task_queue=queue)
            await until(
                lambda: [e for e in receiver.events if e.attributes[c.ACTIVITY_TYPE] == "lookup"], "the tool's start"
            )
            (model,) = attempts(receiver, handle.first_execution_run_id).values()
            assert model.attributes[c.OUTCOME] == "ok"
            await handle.terminate()
            done = await run(world, "flaky", queue)
            process.terminate()
            await asyncio.to_thread(process.join, 40)
            assert process.exitcode == 0
        found = attempts(receiver, done.first_execution_run_id)
        assert set(found) == ran(world, done.first_execution_run_id)
        roots = [s for s in receiver.spans if s.attributes.get(c.KIND) == c.SPAN_WORKFLOW]
        assert [s.attributes[c.OUTCOME] for s in roots] == ["completed"]
        delays = [s.received - s.end / 1e9 for s in found.values()]
        assert sorted(delays)[len(delays) // 2] < 1.0, delays  # a busy machine may hold up one


async def test_a_worker_without_a_collector_stops_in_time(world: World) -> None:
    """Its shutdown waits for the export no longer than it was told to."""
    queue = unique("alone")
    with started(crew(world, free_port(), queue)) as process:
        await run(world, "plain", queue)
        begun = time.monotonic()
        process.terminate()
        await asyncio.to_thread(process.join, 40)
        assert process.exitcode == 0
        assert time.monotonic() - begun < 20


async def test_the_last_export_survives_a_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Older SDKs cancel the task that a worker leaves in, maybe before the thread that sends has begun."""
    plugin = DurascopePlugin(TracerProvider(shutdown_on_exit=False))
    flushed, free = threading.Event(), threading.Event()
    monkeypatch.setattr(plugin._pipeline, "flush", lambda _: flushed.set())

    async def run_worker(_: Any) -> None:
        """Nothing to run."""

    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    busy = loop.run_in_executor(None, free.wait)
    leaving = asyncio.create_task(plugin.run_worker(cast(Worker, None), run_worker))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])
    free.set()
    await busy
    await loop.shutdown_default_executor()
    assert flushed.is_set()
