"""Workflows and activities that keep a log of what really happened: the truth that telemetry is checked against.

What a run does is said in its prompt, so that one workflow serves every test: "flaky" lets the tool fail twice.
"""

import asyncio
import json
import os
import threading
import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.contrib.workflow_streams import WorkflowStream
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from agents import Agent, ModelRetrySettings, ModelSettings, RunConfig, Runner, function_tool
    from temporalio.openai_agents.workflow import activity_as_tool

    from sample_workflows.model_server import Call, Fault, Latency, ModelRequest, Rule, Text, ToolCalls

TRUTH = "DURASCOPE_TEST_TRUTH"
QUICK = RetryPolicy(initial_interval=timedelta(milliseconds=100), backoff_coefficient=2.0, maximum_attempts=5)
TIMEOUT = timedelta(seconds=60)
BRIEF = timedelta(seconds=3)
INSISTENT = ModelRetrySettings(max_retries=2, backoff={"initial_delay": 0.1}, policy=lambda _: True)
SLOW = Latency(first_token=40.0, spread=0.0)
HANGING = (
    threading.Event()
)  # the model server, a thread of the tests' process, has a call that it will not answer for long


@dataclass(frozen=True)
class Told:
    """One line of the truth: an attempt began, or ended so."""

    run_id: str
    activity_id: str
    activity_type: str
    attempt: int
    what: str  # started | ok | error | cancelled
    time: float


def tell(what: str) -> None:
    """Write a line, before anything else can happen."""
    info = activity.info()
    line = Told(info.workflow_run_id or "", info.activity_id, info.activity_type, info.attempt, what, time.time())
    # One short write in append mode: lines of several processes do not mix, and a SIGKILL loses none.
    descriptor = os.open(os.environ[TRUTH], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, json.dumps(asdict(line)).encode() + b"\n")
    os.close(descriptor)


def truth(path: Path) -> list[Told]:
    """Everything told so far."""
    return [Told(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


@activity.defn
async def lookup(key: str) -> str:
    """Look a thing up; what the key says may go wrong, mostly on the first attempt only."""
    tell("started")
    try:
        await _work(key)
    except asyncio.CancelledError:
        tell("cancelled")
        raise
    except Exception:
        tell("error")
        raise
    tell("ok")
    return f"found {key}" if "leaky" in key else "found"


async def _work(key: str) -> None:
    if "leaky" in key and activity.info().attempt < 2:
        raise ValueError(f"cannot find {key}")
    if "fatal" in key:
        raise ApplicationError("no such thing", type="NoSuchThing", non_retryable=True)
    if "flaky" in key and activity.info().attempt < 3:
        raise ValueError("not now")
    if "dictated" in key and activity.info().attempt < 2:
        raise ApplicationError("wait", type="Busy", next_retry_delay=timedelta(milliseconds=300))
    if "elsewhere" in key:
        activity.raise_complete_async()
    first = activity.info().attempt < 2
    if first and ("silent" in key or "overtime" in key):
        await asyncio.sleep(20)
    if first and "late" in key:
        await asyncio.sleep(1.5 * BRIEF.total_seconds())
    if "slow" in key or (first and any(word in key for word in ("beating", "late", "leaving"))):
        for _ in range(200):
            activity.heartbeat()
            await asyncio.sleep(0.1)


@activity.defn
def lookup_in_thread(key: str) -> str:
    """The same for an activity that runs in a thread."""
    tell("started")
    tell("ok")
    return "found"


@function_tool
def shout(text: str) -> str:
    """A tool that runs in the workflow itself."""
    return text.upper()


def agent(prompt: str = "", name: str = "Finder") -> Agent[None]:
    """The agent under observation; the prompt says which kind of model it has."""
    model = "chat-1" if "chatty" in prompt else "scripted-1"
    tool = activity_as_tool(
        lookup,
        start_to_close_timeout=TIMEOUT,
        heartbeat_timeout=timedelta(seconds=30),
        retry_policy=QUICK,
    )
    settings = ModelSettings(retry=INSISTENT) if "insistent" in prompt else ModelSettings()
    return Agent(name=name, instructions="Find it.", tools=[tool, shout], model=model, model_settings=settings)


@workflow.defn
class Journey:
    """One agent run, and whatever else the prompt asks for."""

    @workflow.init
    def __init__(self, prompt: str) -> None:
        self._stream = WorkflowStream() if "streaming" in prompt else None
        self._go = False
        self._notes: list[str] = []

    @workflow.run
    async def run(self, prompt: str) -> str:
        if "waiting" in prompt:
            await workflow.wait_condition(lambda: self._go)
        if "local" in prompt:
            await workflow.execute_local_activity(
                lookup, prompt, start_to_close_timeout=TIMEOUT, retry_policy=QUICK,
                local_retry_threshold=timedelta(milliseconds=10) if "by-timer" in prompt else None,
            )  # fmt: skip
        if "child" in prompt:
            smaller = prompt.replace("child", "flaky")
            await workflow.execute_child_workflow(Journey.run, smaller, id=f"{workflow.info().workflow_id}-c")
        answer = await _ask(prompt)
        if "again" in prompt:
            workflow.continue_as_new(prompt.replace("again", "plain"))
        if "sleepy" in prompt:
            await asyncio.sleep(0.2)
        return answer

    @workflow.signal
    async def go(self) -> None:
        """Let it begin."""
        self._go = True

    @workflow.update
    async def note(self, text: str) -> int:
        """Leave a note."""
        self._notes.append(text)
        return len(self._notes)

    @workflow.query
    def notes(self) -> list[str]:
        """The notes so far."""
        return self._notes


@workflow.defn
class Errand:
    """One activity, without an agent: its key says what happens to it."""

    def __init__(self) -> None:
        self._go = False

    @workflow.run
    async def run(self, key: str) -> str:
        limited = "overtime" in key or "beating" in key
        errand = workflow.start_activity(
            lookup, key, start_to_close_timeout=BRIEF if limited else TIMEOUT,
            heartbeat_timeout=BRIEF if "silent" in key or "late" in key else TIMEOUT, retry_policy=QUICK,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )  # fmt: skip
        if "dropped" in key:
            await workflow.wait_condition(lambda: self._go)
            errand.cancel()
        try:
            return await errand
        except ActivityError as error:
            return str(error.cause)

    @workflow.signal
    async def go(self) -> None:
        """Drop it."""
        self._go = True


async def _ask(prompt: str) -> str:
    config = RunConfig(trace_include_sensitive_data="private" not in prompt, tracing_disabled="untraced" in prompt)
    if "streaming" in prompt:
        streamed = Runner.run_streamed(agent(prompt), prompt, run_config=config)
        async for _ in streamed.stream_events():
            pass
        return str(streamed.final_output)
    result = await Runner.run(agent(prompt), prompt, run_config=config)
    return str(result.final_output)


def rules() -> list[Rule]:
    """The model: call the tool with the prompt, then say so. "limited" prompts meet one 429 and one 500 first."""

    def call(request: ModelRequest) -> ToolCalls:
        return ToolCalls.of(Call("lookup", {"key": request.user}))

    def both(request: ModelRequest) -> ToolCalls:
        return ToolCalls.of(Call("lookup", {"key": request.user}), Call("shout", {"text": "hi"}))

    def hang(_: ModelRequest) -> Text:
        HANGING.set()
        return Text("Too late.")

    return [
        Rule("both", both, user="leaky", turn=0),
        Rule("limited", Fault(429, retry_after=0.3, code="rate_limit_exceeded"), user="limited", first=1),
        Rule("failing", Fault(500, code="server_error"), user="limited", when=lambda r: r.seen == 1),
        Rule("rejected", Fault(400, code="bad_request"), user="insistent", turn=0, first=1),
        Rule("broken", Fault(500, code="server_error"), user="insistent", turn=0, when=lambda r: r.seen == 1),
        Rule("hanging", hang, user="die-during", turn=0, first=1, latency=SLOW),
        Rule("refused", Fault(400, code="bad_request"), user="refused"),
        Rule("silent", Text("Found."), user="silent", usage=False),
        Rule("both", both, user="both", turn=0),
        Rule("tool", call, turn=0),
        Rule("answer", Text("Found.")),
    ]


WORKFLOWS: list[Any] = [Journey, Errand]
ACTIVITIES: list[Any] = [lookup, lookup_in_thread]
