"""One test for each way that a run can go: all attempts that really ran are accounted for, once, with their tokens.

The truth is what activities, the model provider and the model server wrote themselves.
"""

import asyncio
import time
from collections import Counter
from contextlib import nullcontext
from typing import Any

import pytest
from agents import custom_span, trace
from opentelemetry.sdk.trace import TracerProvider
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.openai_agents import OpenAIAgentsPlugin

from durascope import conventions as c
from durascope.identity import format_span_id, format_trace_id
from durascope.testing import InMemory
from tests.instrumentation.fleet import Station, connect, unscramble
from tests.instrumentation.scenario import Journey
from tests.instrumentation.world import TOKENS, Account, World, agree, unique

pytestmark = pytest.mark.timeout(400)  # the first to kill workers waits for all three
Handle = WorkflowHandle[Any, Any]
QUIET = OpenAIAgentsPlugin(register_activities=False)


async def bare(world: World, codec: Any = "none") -> Client:
    """A client without any plugin."""
    return await connect(world.temporal.address, Station("", codec=codec), [])


async def begin(client: Client, words: str, queue: str = "plain") -> Handle:
    """Start a run; its id is part of its prompt."""
    uid = unique(words.split()[0])
    return await client.start_workflow(Journey.run, f"{words} {uid}", id=uid, task_queue=queue)


async def finish(handle: Handle) -> None:
    assert await asyncio.wait_for(handle.result(), 90) == "Found."


def of(handle: Handle) -> dict[str, str]:
    """The run that a handle started."""
    assert handle.first_execution_run_id is not None
    return {handle.first_execution_run_id: handle.id}


ENDED_BY_THEIR_WORKER = ("completed", "failed", "cancelled", "continued_as_new")


async def whole(
    world: World, client: Client, runs: dict[str, str], uid: str, *, unseen: Counter[str] | None = None, **how: Any
) -> Account:
    """The account of the runs; it agrees with the truth in attempts, ends and tokens, less those nobody could see."""

    def check(account: Account) -> None:
        agree(account, world.told(runs))
        assert account.sum("billed") == world.billed(uid) - (unseen or Counter()), account.attempts()
        assert account.sum("useful") + account.sum("wasted") == account.sum("billed")
        assert all(run["coverage"]["duplicate_spans"] == 0 for run in account.runs)
        # A run's own span is the last of it to leave the worker: without it there may be orphans still.
        ended = [run for run in account.runs if run["status"] in ENDED_BY_THEIR_WORKER]
        assert len([s for s in account.spans if s["name"].startswith("invoke_workflow ")]) >= len(ended)

    return await world.account(client, runs, check, **how)


async def until_told(world: World, handle: Handle, activity: str, attempts: int = 1) -> None:
    """Wait until so many attempts of this activity type have begun."""
    deadline = time.monotonic() + 60
    while attempts not in [x.attempt for x in world.lines(*of(handle)) if x.activity_type == activity]:
        assert time.monotonic() < deadline, f"{activity} did not begin"
        await asyncio.sleep(0.05)


async def test_one_worker(fleet: World) -> None:
    """A tool that fails twice, two model calls that meet a 429 and a 500 each: nine attempts, one tree."""
    client = await bare(fleet)
    handle = await begin(client, "limited flaky")
    await finish(handle)
    account = await whole(fleet, client, of(handle), handle.id)
    assert account.kinds() == {"model": 2, "tool": 1}
    assert account.runs[0]["retries"]["attempts"] == 9
    assert not account.orphans() and len(account.traces()) == 1
    delays = {a["retry_by"] for a in account.attempts().values() if a["http_status"] == 429}
    assert delays == {"server"}


async def test_split_workers(split: World) -> None:
    """Workflows and activities run in different processes: still one tree, with every model span."""
    client = await bare(split)
    handle = await begin(client, "limited flaky", "split")
    await finish(handle)
    account = await whole(split, client, of(handle), handle.id)
    assert not account.orphans() and len(account.traces()) == 1
    assert len({a["worker"] for a in account.attempts().values()}) == 1


async def test_a_trace_that_starts_in_the_client(split: World) -> None:
    """Client, workflow worker and activity worker are three processes, and one tree."""
    telemetry = InMemory()
    client = await connect(split.temporal.address, Station(""), [QUIET, telemetry.plugin()])
    with trace("Ask"), custom_span("prepare"):
        handle = await begin(client, "flaky", "split")
        await finish(handle)
    account = await whole(split, client, of(handle), handle.id)
    outside = {s.name: s for s in telemetry.spans() if s.context}
    assert list(outside) == ["Ask", "prepare", "start_workflow Journey"]
    start = outside["start_workflow Journey"].context
    assert start is not None and account.traces() == {format_trace_id(start.trace_id)}
    assert account.orphans() == ["invoke_workflow Journey"]
    assert not account.orphans(format_span_id(start.span_id))


async def test_a_trace_that_was_there_before(split: World) -> None:
    """A web request's W3C trace goes on through client, workflow and activities."""
    telemetry = InMemory()
    client = await connect(split.temporal.address, Station(""), [telemetry.plugin(), QUIET])
    with TracerProvider(shutdown_on_exit=False).get_tracer("web").start_as_current_span("request") as request:
        handle = await begin(client, "plain", "split")
        await finish(handle)
    account = await whole(split, client, of(handle), handle.id)
    (start,) = telemetry.spans()
    assert start.parent is not None and start.context is not None
    assert start.parent.span_id == request.get_span_context().span_id
    assert account.traces() == {format_trace_id(start.context.trace_id)}
    assert not account.orphans(format_span_id(start.context.span_id))


async def test_workers_without_a_workflow_cache(fleet: World) -> None:
    """Every workflow task replays the whole run: nothing is told twice."""
    client = await bare(fleet)
    handle = await begin(client, "limited flaky local", "uncached")
    await finish(handle)
    account = await whole(fleet, client, of(handle), handle.id)
    assert not account.orphans() and len(account.traces()) == 1


@pytest.mark.parametrize("when", ["die-before", "die-during", "die-after"])
async def test_a_worker_killed_around_its_model_call(killed: dict[str, Handle], world: World, when: str) -> None:
    """SIGKILL before, during or after the call: one lost attempt, whose tokens are unknown, and one good one."""
    handle = killed[when]
    client = await bare(world)
    lost = Counter(dict.fromkeys(TOKENS, 0))
    if when == "die-after":  # the server has answered, but nobody lived to see it
        first = next(r for r in world.model.log if handle.id in r.user and r.usage)
        assert first.usage is not None
        lost.update({name: getattr(first.usage, name) for name in lost})
    account = await whole(world, client, of(handle), handle.id, unseen=lost)
    model = [a for key, a, kind in account.listed() if kind == "model"]
    assert [a["tokens"] is None for a in model] == [True, False, False]
    assert account.runs[0]["tokens"]["unknown_attempts"] == 1
    assert not account.orphans()


async def test_termination(fleet: World) -> None:
    """The run is cut off in the middle of a tool: what ran until then is all there."""
    client = await bare(fleet)
    handle = await begin(client, "slow")
    await until_told(fleet, handle, "lookup")
    await handle.terminate("enough")
    account = await whole(fleet, client, of(handle), handle.id)
    assert account.runs[0]["status"] == "terminated"
    # What never ended never left: only what hung right below it stands without its parent, in the same trace.
    assert set(account.orphans()) <= {"invoke_model_activity", "lookup attempt 1"}
    assert len(account.traces()) == 1


async def test_cancellation(fleet: World) -> None:
    """Cancelling the run cancels the tool that it waits for."""
    client = await bare(fleet)
    handle = await begin(client, "slow")
    await until_told(fleet, handle, "lookup")
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    account = await whole(fleet, client, of(handle), handle.id)
    assert account.runs[0]["status"] == "cancelled"
    assert not account.orphans()


async def test_continue_as_new(fleet: World) -> None:
    """Each run has its own trace; the second says which run it continues."""
    client = await bare(fleet)
    handle = await begin(client, "again flaky")
    await finish(handle)
    second = (await client.get_workflow_handle(handle.id).describe()).run_id
    runs = {**of(handle), second: handle.id}
    account = await whole(fleet, client, runs, handle.id)
    assert [run["status"] for run in account.runs] == ["continued_as_new", "completed"]
    assert len(account.traces()) == 2
    assert not account.orphans()


async def test_reset(fleet: World) -> None:
    """The first model call is in both histories, and is billed once: in the run that made it."""
    client = await bare(fleet)
    handle = await begin(client, "plain")
    await finish(handle)
    (first,) = of(handle)
    second = await reset(client, handle.id, first)
    await finish(client.get_workflow_handle(handle.id, run_id=second))
    account = await whole(fleet, client, {first: handle.id, second: handle.id}, handle.id)
    (run,) = (run for run in account.runs if run["run_id"] == second)
    (copy,) = (operation for operation in run["operations"] if operation["activity_id"] == "1")
    assert (copy["attempts"], copy["status"], copy["detail"]) == ([], "ok", f"inherited from run {first}")
    assert run["coverage"]["reconstructed"] == 0 < run["coverage"]["history_attempts"]


async def test_a_reset_inside_of_a_clients_trace(fleet: World) -> None:
    """Both runs are in one trace, the second repeats the first one's agents: each keeps its own spans."""
    client = await connect(fleet.temporal.address, Station(""), [QUIET, InMemory().plugin()])
    with trace("Ask"):
        handle = await begin(client, "plain")
    await finish(handle)
    (first,) = of(handle)
    second = await reset(client, handle.id, first)
    await finish(client.get_workflow_handle(handle.id, run_id=second))
    account = await whole(fleet, client, {first: handle.id, second: handle.id}, handle.id)
    assert len(account.traces()) == 1
    turns = Counter((span["run_id"], span["name"]) for span in account.spans if span["kind"] == c.SPAN_TURN)
    assert turns == {(first, "turn 1"): 1, (first, "turn 2"): 1, (second, "turn 1"): 1, (second, "turn 2"): 1}


async def reset(client: Client, workflow_id: str, run_id: str) -> str:
    """Reset a run to its second workflow task, after the first model call; the new run's id."""
    history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
    tasks = [e.event_id for e in history.events if e.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]
    request = ResetWorkflowExecutionRequest(
        namespace="default", workflow_execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
        reason="again", request_id=unique("reset"), workflow_task_finish_event_id=tasks[1],
    )  # fmt: skip
    return (await client.workflow_service.reset_workflow_execution(request)).run_id


async def test_child_workflow(fleet: World) -> None:
    """The child's run hangs in its parent's tree."""
    client = await bare(fleet)
    handle = await begin(client, "child")
    await finish(handle)
    child = (await client.get_workflow_handle(f"{handle.id}-c").describe()).run_id
    account = await whole(fleet, client, {**of(handle), child: f"{handle.id}-c"}, handle.id)
    assert len(account.traces()) == 1
    assert not account.orphans()


async def test_local_activity(fleet: World) -> None:
    """A local activity's attempts, of which history has only a marker, are all there."""
    client = await bare(fleet)
    handle = await begin(client, "local flaky")
    await finish(handle)
    account = await whole(fleet, client, of(handle), handle.id)
    assert account.kinds() == {"local_activity": 1, "tool": 1, "model": 2}


@pytest.mark.parametrize("words", ["streaming flaky", "streaming chatty flaky"])
async def test_streaming(fleet: World, words: str) -> None:
    """Run_streamed, by either API: usage is in the stream's last event."""
    client = await bare(fleet)
    handle = await begin(client, words)
    await finish(handle)
    account = await whole(fleet, client, of(handle), handle.id)
    assert account.kinds()["model"] == 2
    assert not account.orphans()


async def test_update_with_start(fleet: World) -> None:
    """The update and the run it starts belong to the caller's trace."""
    telemetry = InMemory()
    client = await connect(fleet.temporal.address, Station(""), [QUIET, telemetry.plugin()])
    uid = unique("waiting")
    operation = WithStartWorkflowOperation(
        Journey.run, f"waiting {uid}", id=uid, task_queue="plain", id_conflict_policy=WorkflowIDConflictPolicy.FAIL
    )
    with trace("Ask"):
        assert await client.execute_update_with_start_workflow(Journey.note, "hi", start_workflow_operation=operation)
        handle = await operation.workflow_handle()
        await handle.signal(Journey.go)
        await finish(handle)
    account = await whole(fleet, client, of(handle), uid)
    names = {span["name"] for span in account.spans}
    assert {"update note", "signal go"} <= names
    outside = {s.name: s.context for s in telemetry.spans()}
    assert list(outside) == ["Ask", "update_with_start note", "signal_workflow go"]
    caller = outside["update_with_start note"]
    assert caller is not None and account.traces() == {format_trace_id(caller.trace_id)}
    assert not account.orphans(format_span_id(caller.span_id))


@pytest.mark.parametrize(("codec", "queue"), [("payloads", "encoded"), ("headers", "encoded-headers")])
async def test_encrypted_payloads(fleet: World, codec: Any, queue: str) -> None:
    """Payloads nobody can read, headers plain or not: attempts and tokens are all there, from the worker alone too."""
    client = await bare(fleet, codec)
    handle = await begin(client, "limited flaky", queue)
    await finish(handle)
    account = await whole(fleet, client, of(handle), handle.id)
    assert not account.orphans() and len(account.traces()) == 1
    await whole(fleet, client, of(handle), handle.id, decode=unscramble)


async def test_privacy_mode(fleet: World) -> None:
    """Without sensitive data in traces, tokens are known all the same."""
    client = await bare(fleet)
    handle = await begin(client, "private flaky")
    await finish(handle)
    account = await whole(fleet, client, of(handle), handle.id)
    assert account.runs[0]["tokens"]["unknown_attempts"] == 0


async def test_the_plugin_on_the_worker_only(fleet: World) -> None:
    """Not on the client that the worker is made from."""
    client = await bare(fleet)
    handle = await begin(client, "flaky", "worker")
    await finish(handle)
    account = await whole(fleet, client, of(handle), handle.id)
    assert not account.orphans() and len(account.traces()) == 1


async def test_the_plugin_registered_twice(fleet: World) -> None:
    """On the client twice and on the worker again: everything is told once."""
    client = await bare(fleet)
    handle = await begin(client, "flaky", "twice")
    await finish(handle)
    account = await whole(fleet, client, of(handle), handle.id)
    names = Counter(span["name"] for span in account.spans)
    assert names["invoke_workflow Journey"] == 1
    assert not account.orphans()


@pytest.mark.parametrize("plugins", ["stock", "otel", "otel-last"])
async def test_beside_other_tracing(beside: World, plugins: str) -> None:
    """Beside Temporal's OpenTelemetryPlugin, or OpenInference through the Agents plugin: tokens count once.

    The latter sets its own processor alone, also after us and where no activity ever brings ours back.
    """
    client = await bare(beside)
    handle = await begin(client, "limited flaky", plugins)
    await finish(handle)
    account = await whole(beside, client, of(handle), handle.id)
    ours = [s for s in account.spans if c.KIND in str(s["attributes"])]
    assert Counter(s["name"] for s in ours)["invoke_workflow Journey"] == 1
    assert len({s["trace_id"] for s in ours}) == 1
    assert {"invoke_agent Finder", "execute_tool lookup", "turn 2"} <= {s["name"] for s in ours}


@pytest.mark.parametrize("traced", [False, True], ids=["bare", "traced"])
async def test_a_child_beside_temporals_own_plugin(beside: World, traced: bool) -> None:
    """That writes its own context over the child's header: the child hangs in its parent's trace all the same."""
    client = await connect(beside.temporal.address, Station(""), [InMemory().plugin()] if traced else [])
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("web")
    with tracer.start_as_current_span("request") if traced else nullcontext() as request:
        handle = await begin(client, "child", "stock")
    await finish(handle)
    child = (await client.get_workflow_handle(f"{handle.id}-c").describe()).run_id
    account = await whole(beside, client, {**of(handle), child: f"{handle.id}-c"}, handle.id)
    ours = {s["name"]: s for s in account.spans if c.KIND in str(s["attributes"])}
    runs = [s for s in account.spans if s["kind"] == c.SPAN_WORKFLOW]
    assert {s["parent_span_id"] for s in runs if s["run_id"] == child} == {ours["child Journey"]["span_id"]}
    assert {s["trace_id"] for s in runs} == {run["trace_id"] for run in account.runs}
    assert len({s["trace_id"] for s in runs}) == 1
    if request is not None:
        assert {s["trace_id"] for s in runs} == {format_trace_id(request.get_span_context().trace_id)}


@pytest.mark.parametrize("words", ["silent", "silent chatty", "silent streaming", "silent chatty streaming"])
async def test_a_model_that_reports_no_usage(fleet: World, words: str) -> None:
    """Unknown, not nothing: the SDK makes zeros of it, and a request."""
    client = await bare(fleet)
    handle = await begin(client, words)
    await finish(handle)
    account = await whole(fleet, client, of(handle), handle.id)
    (model,) = account.attempts().values()
    assert model["tokens"] is None
    assert account.runs[0]["tokens"]["unknown_attempts"] == 1


async def test_chat_completions(fleet: World) -> None:
    """The other API tells its usage under other names."""
    client = await bare(fleet)
    handle = await begin(client, "chatty flaky")
    await finish(handle)
    await whole(fleet, client, of(handle), handle.id)
