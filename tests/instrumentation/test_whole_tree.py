"""The whole tree of a run that has everything, as one outline; what comes after its end adds nothing to it."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from agents import OpenAIProvider, set_trace_processors
from openai import AsyncOpenAI
from temporalio.client import Client, WorkflowHandle
from temporalio.openai_agents import OpenAIAgentsPlugin
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from durascope import DurascopePlugin
from durascope import conventions as c
from durascope.testing import InMemory, SteppingClock
from durascope_dashboard.demo.dev_server import DevServer
from sample_workflows.model_server import ScriptedServer
from tests.instrumentation.everything import TIMETABLE, Everything, Timetable, failing, script
from tests.instrumentation.fleet import parameters
from tests.instrumentation.woken import Woken
from tests.instrumentation.world import unique

TREE = """
    invoke_workflow Everything completed
      plan
        task Agent workflow
          invoke_agent Desk
            turn 1
              invoke_model_activity ok
                invoke_model_activity attempt 1 ok
                  chat scripted-1
              guardrail polite
              execute_tool shout
                take a breath
            turn 2
              invoke_model_activity ok
                invoke_model_activity attempt 1 ok
                  chat scripted-1
              handoff Desk to Booking
          tools/list timetable
            temporalio.mcp.timetable.list-tools ok
              temporalio.mcp.timetable.list-tools attempt 1 ok
          invoke_agent Booking
            turn 3
              invoke_model_activity ok
                invoke_model_activity attempt 1 ok
                  chat scripted-1
              execute_tool next_train
                temporalio.mcp.timetable.call-tool ok
                  temporalio.mcp.timetable.call-tool attempt 1 ok
            turn 4
              invoke_model_activity ok
                invoke_model_activity attempt 1 ok
                  chat scripted-1
            tools/list timetable
"""


DURATIONS = (c.METRIC_WORKFLOW_DURATION, c.METRIC_AGENT_DURATION, c.METRIC_TOOL_DURATION)


@pytest.fixture
def model() -> Iterator[ScriptedServer]:
    """The scripted model server."""
    set_trace_processors([])
    with ScriptedServer(rules=script()) as server:
        yield server


@asynccontextmanager
async def working(
    address: str, model: ScriptedServer, plugin: DurascopePlugin, queue: str, runner: WorkflowRunner | None = None
) -> AsyncIterator[Client]:
    """A worker in this process; ``runner`` is of its own workflows."""
    async with AsyncOpenAI(base_url=model.base_url, api_key="scripted") as openai:
        agents = OpenAIAgentsPlugin(
            parameters(), OpenAIProvider(openai_client=openai), mcp_servers={TIMETABLE: Timetable}
        )
        client = await Client.connect(address, plugins=[agents, plugin])
        async with Worker(
            client, task_queue=queue, workflows=[Everything, Woken], workflow_runner=runner or SandboxedWorkflowRunner()
        ):
            yield client


async def finished(client: Client, queue: str) -> WorkflowHandle[Everything, str]:
    """One whole run."""
    handle = await client.start_workflow(Everything.run, id=unique("everything"), task_queue=queue)
    assert await asyncio.wait_for(handle.result(), 60) == "At eight."
    return handle


async def test_a_run_that_has_everything_is_one_tree(temporal_server: DevServer, model: ScriptedServer) -> None:
    """Each span hangs where the code that made it ran, under the SDK's own parents; the clock is the test's."""
    telemetry, queue = InMemory(), unique("tree")
    plugin = telemetry.plugin(clock=SteppingClock(time.time_ns(), step=2_000_000_000))
    async with working(temporal_server.address, model, plugin, queue) as client:
        await finished(client, queue)
    telemetry.assert_tree(TREE)
    attempts = telemetry.attempts()
    assert len(attempts) == 6
    assert {(each.end_time or 0) - (each.start_time or 0) for each in attempts} == {2_000_000_000}


def test_a_tree_that_differs_is_shown() -> None:
    """The message has both outlines: what was found can be copied into the test."""
    telemetry = InMemory()
    with telemetry.tracer_provider.get_tracer("test").start_as_current_span("outer") as outer:
        outer.set_attributes({c.OUTCOME: "error", c.ERROR_TYPE: "Busy"})
    telemetry.assert_tree("outer error Busy")
    telemetry.assert_tree("OUTER", say=lambda span: span.name.upper())
    with pytest.raises(AssertionError, match="the span tree is:\nouter error Busy\n\nexpected:\nouter ok"):
        telemetry.assert_tree("""
            outer ok
        """)


def test_a_stepping_clock_moves_on_at_each_look() -> None:
    """From its start, by its step, whoever looks."""
    clock = SteppingClock(start=100, step=7)
    assert [clock() for _ in range(3)] == [100, 107, 114]


async def test_queries_on_a_closed_run_add_only_themselves(temporal_server: DevServer, model: ScriptedServer) -> None:
    """From a worker that has the run in its cache, and from one that replays it first."""
    telemetry, queue = InMemory(), unique("queried")
    async with working(temporal_server.address, model, telemetry.plugin(), queue) as client:
        handle = await finished(client, queue)
        telemetry.clear()
        assert await handle.query(Everything.well)
    async with working(temporal_server.address, model, telemetry.plugin(), queue) as client:
        again = client.get_workflow_handle(handle.id)
        assert await again.query(Everything.well) and await again.query(Everything.well)
    spans = telemetry.spans()
    assert [span.name for span in spans] == ["query well"] * 3
    assert len({span.context.span_id for span in spans if span.context}) == 3
    assert not telemetry.events()


async def test_a_failed_workflow_task_leaves_one_tree(temporal_server: DevServer, model: ScriptedServer) -> None:
    """The workflow's code fails at its end, and runs again once it is mended: everything is told and counted once."""
    telemetry, queue = InMemory(), unique("stumbling")
    async with working(temporal_server.address, model, telemetry.plugin(), queue) as client:
        failing[queue] = 1
        handle = await client.start_workflow(Everything.run, id=queue, task_queue=queue)
        assert await asyncio.wait_for(handle.result(), 60) == "At eight."
    assert failing[queue] == 0
    telemetry.assert_tree(TREE)
    assert len(telemetry.events()) == 6
    counts = {name: sum(point.count for point in telemetry.points(name)) for name in DURATIONS}
    assert counts == {c.METRIC_WORKFLOW_DURATION: 1, c.METRIC_AGENT_DURATION: 2, c.METRIC_TOOL_DURATION: 2}


async def test_processors_set_while_a_worker_runs(temporal_server: DevServer, model: ScriptedServer) -> None:
    """Whoever sets the Agents SDK's processors throws ours out: the next run brings it back, without any activity."""
    telemetry, queue = InMemory(), unique("evicted")
    async with working(temporal_server.address, model, telemetry.plugin(), queue) as client:
        set_trace_processors([])
        handle = await client.start_workflow(Woken.run, id=queue, task_queue=queue)
        await handle.signal(Woken.wake)
        await asyncio.wait_for(handle.result(), 60)
    assert "invoke_agent Helper" in {span.name for span in telemetry.spans()}


@pytest.mark.parametrize("runner", [SandboxedWorkflowRunner(), UnsandboxedWorkflowRunner()], ids=["sandbox", "none"])
async def test_a_handler_in_a_failed_workflow_task_is_told_once(
    temporal_server: DevServer, model: ScriptedServer, runner: WorkflowRunner
) -> None:
    """It has ended before the run's code goes on, and fails: the handler runs again, and only then is it told."""
    telemetry, queue = InMemory(), unique("woken")
    async with working(temporal_server.address, model, telemetry.plugin(), queue, runner) as client:
        failing[queue] = 1
        handle = await client.start_workflow(Woken.run, id=queue, task_queue=queue)
        await handle.signal(Woken.wake)
        await asyncio.wait_for(handle.result(), 60)
    assert failing[queue] == 0
    assert sorted(span.name for span in telemetry.spans()) == [
        "invoke_agent Helper",
        "invoke_workflow Woken",
        "signal wake",
    ]
    assert [point.count for point in telemetry.points(c.METRIC_AGENT_DURATION)] == [1]
