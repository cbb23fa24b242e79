"""What a run handles, and what it does beside its agent: each under its parent, with its kind; runs are linked."""

import asyncio
import threading
from typing import Any

import pytest
from agents import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from temporalio.api.enums.v1 import EventType

from durascope import DurascopePlugin, _workflow
from durascope import conventions as c
from durascope._run import RunState
from durascope._workflow import begin_run
from durascope.history import read_history
from durascope.testing import InMemory, attribute, describe
from tests.instrumentation.inside import run, working
from tests.instrumentation.scenario import Journey
from tests.instrumentation.world import World, unique

TREE = """
    workflow: invoke_workflow Journey completed
      update: update note
      query: query notes
      operation: lookup ok
        attempt: lookup attempt 1 ok
      signal: signal go
      task: task Agent workflow
        agent: invoke_agent Finder
          turn: turn 1
            operation: invoke_model_activity ok
              attempt: invoke_model_activity attempt 1 ok
                model: chat scripted-1
            tool: execute_tool lookup
              operation: lookup ok
                attempt: lookup attempt 1 ok
          turn: turn 2
            operation: invoke_model_activity ok
              attempt: invoke_model_activity attempt 1 ok
                model: chat scripted-1
"""


def with_kind(span: ReadableSpan) -> str:
    """A line of the outline."""
    return f"{attribute(span, c.KIND)}: {describe(span)}"


async def test_handlers_a_local_activity_and_a_tool(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Update, query and signal hang below the run, an activity below the tool that it is."""
    telemetry = InMemory()
    async with working(world, monkeypatch, [telemetry.plugin()]) as (client, queue):
        uid = unique("waiting")
        handle = await client.start_workflow(Journey.run, f"waiting local {uid}", id=uid, task_queue=queue)
        await handle.execute_update(Journey.note, "hi")
        assert await handle.query(Journey.notes) == ["hi"]
        await handle.signal(Journey.go)
        await asyncio.wait_for(handle.result(), 60)
    telemetry.assert_tree(TREE, with_kind)


async def test_a_continued_run_links_to_the_one_before(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace of its own, and a link."""
    telemetry = InMemory()
    async with working(world, monkeypatch, [telemetry.plugin()]) as (client, queue):
        await run(client, queue, "again")
    first, second = telemetry.spans(c.SPAN_WORKFLOW)
    assert first.context and second.context and first.context.trace_id != second.context.trace_id
    assert [attribute(each, c.OUTCOME) for each in (first, second)] == ["continued_as_new", "completed"]
    (link,) = second.links
    assert (link.context.trace_id, link.context.span_id) == (first.context.trace_id, first.context.span_id)


async def test_a_timer_brings_a_local_activity_back_as_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK gives it another id then; its attempts are one operation's, and those that its history tells of."""
    telemetry = InMemory()
    async with working(world, monkeypatch, [telemetry.plugin()]) as (client, queue):
        handle = await run(client, queue, "local by-timer flaky untraced")
        history = await handle.fetch_history()
    telemetry.assert_tree("""
        invoke_workflow Journey completed
          lookup ok
            lookup attempt 1 error ValueError
            lookup attempt 2 error ValueError
            lookup attempt 3 ok
          invoke_model_activity ok
            invoke_model_activity attempt 1 ok
          lookup ok
            lookup attempt 1 error ValueError
            lookup attempt 2 error ValueError
            lookup attempt 3 ok
          invoke_model_activity ok
            invoke_model_activity attempt 1 ok
    """)
    record = read_history(history.events, "default", handle.id, history.run_id)
    told = {(attribute(span, c.ACTIVITY_ID), attribute(span, c.ATTEMPT)) for span in telemetry.attempts()}
    assert told == {(each.activity_id, each.attempt) for each in record.attempts}


async def test_without_the_agents_own_tracing_operations_hang_below_their_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``tracing_disabled``: its spans are not there to hang from, but the agent has its name all the same."""
    telemetry = InMemory()
    async with working(world, monkeypatch, [telemetry.plugin()]) as (client, queue):
        await run(client, queue, "untraced")
    telemetry.assert_tree("""
        invoke_workflow Journey completed
          invoke_model_activity ok
            invoke_model_activity attempt 1 ok
          lookup ok
            lookup attempt 1 ok
          invoke_model_activity ok
            invoke_model_activity attempt 1 ok
    """)
    models = [span for span in telemetry.attempts() if attribute(span, c.GEN_AI_OPERATION)]
    assert [attribute(span, c.GEN_AI_AGENT_NAME) for span in models] == ["Finder"] * 2
    assert len({attribute(span, c.PARENT_SPAN_ID) for span in telemetry.spans(c.SPAN_OPERATION)}) == 1


async def test_the_sdks_own_traffic_is_nobodys(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream's signals, and the queries of Temporal's web UI, are no spans: neither of the run nor of a client."""
    telemetry = InMemory()
    async with working(world, monkeypatch, [telemetry.plugin()]) as (client, queue):
        with trace("Ask"):
            handle = await run(client, queue, "streaming")
            for name in ("__temporal_workflow_metadata", "__stack_trace", "__temporal_workflow_stream_offset"):
                await handle.query(name)
        history = await handle.fetch_history()
    assert EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED in {event.event_type for event in history.events}
    names = [span.name for span in telemetry.spans()]
    assert "start_workflow Journey" in names and not [name for name in names if "__" in name]


@pytest.mark.parametrize("words", ["limited", "limited chatty"])
async def test_a_model_call_is_one_span_for_every_reader(
    world: World, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    """Its attempt's: that alone is a call by GenAI's conventions, with its usage; the one below has the same model."""
    telemetry = InMemory()
    async with working(world, monkeypatch, [telemetry.plugin()]) as (client, queue):
        await run(client, queue, words)
    attempts = [span for span in telemetry.attempts() if attribute(span, c.OPERATION_KIND) == "model"]
    assert [span for span in telemetry.spans() if attribute(span, c.GEN_AI_OPERATION) == "chat"] == attempts
    counted = [span for span in telemetry.spans() if attribute(span, c.GEN_AI_INPUT_TOKENS)]
    assert counted == [span for span in attempts if attribute(span, c.OUTCOME) == "ok"]
    inner, model = telemetry.spans(c.SPAN_MODEL), "chat-1" if "chatty" in words else "scripted-1"
    assert len(inner) == len(attempts) == 6
    assert {(span.name, attribute(span, c.GEN_AI_REQUEST_MODEL)) for span in inner} == {(f"chat {model}", model)}


async def test_queries_leave_nothing_behind_in_their_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is cached for long may be asked any number of times, each in a trace of its own."""
    states: list[RunState] = []

    def begun(*given: Any) -> RunState:
        states.append(begin_run(*given))
        return states[-1]

    monkeypatch.setattr(_workflow, "begin_run", begun)
    async with working(world, monkeypatch, [InMemory().plugin()]) as (client, queue):
        uid = unique("waiting")
        handle = await client.start_workflow(Journey.run, f"waiting untraced {uid}", id=uid, task_queue=queue)
        await handle.execute_update(Journey.note, "hi")
        (state,) = states
        before = dict(state.splice)
        for _ in range(3):
            with trace("Look"):
                await handle.query(Journey.notes)
        assert state.splice == before
        await handle.signal(Journey.go)
        await asyncio.wait_for(handle.result(), 60)


class Noting(SpanProcessor):
    """Notes the threads that it is called from."""

    def __init__(self) -> None:
        self.threads: set[str] = set()

    def on_end(self, span: ReadableSpan) -> None:
        """See base class."""
        self.threads.add(threading.current_thread().name)


async def test_nobody_elses_processor_runs_on_the_workflow_thread(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may open a file or a socket: not there, where it would block the workflow or meet the sandbox."""
    provider, noting = TracerProvider(shutdown_on_exit=False), Noting()
    provider.add_span_processor(noting)
    plugin = DurascopePlugin(provider)
    async with working(world, monkeypatch, [plugin]) as (client, queue):
        await run(client, queue, "both")
    plugin.force_flush()
    assert noting.threads
    assert not [name for name in noting.threads if name.startswith("temporal")]
