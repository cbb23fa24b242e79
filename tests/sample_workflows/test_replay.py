"""Golden histories: every sample replays as it ran, with the plugin and without it.

A failure here means that runs which are open during a deployment would break. If the change is meant, record anew with
`python -m tests.sample_workflows.record_histories`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agents import set_trace_processors
from openai import AsyncOpenAI
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from sample_workflows.catalogue import WORKFLOWS
from sample_workflows.scaling.workflow import WORKFLOWS as ROLE_WORKFLOWS
from sample_workflows.worker import plugins
from tests.sample_workflows.record_histories import FOLDER, files
from tests.sample_workflows.scenarios import SCENARIOS

SAMPLES = Path(__file__).resolve().parents[2] / "sample_workflows"
EVERY_WORKFLOW = [*WORKFLOWS, *(one for role in ROLE_WORKFLOWS.values() for one in role)]


@pytest.fixture(scope="module", autouse=True)
def _nothing_leaves() -> Iterator[None]:
    set_trace_processors([])
    yield
    set_trace_processors([])


def history_of(path: Path) -> WorkflowHistory:
    """Under its real workflow id: samples name their children after it."""
    first = json.loads(path.read_text())["events"][0]["workflowExecutionStartedEventAttributes"]
    return WorkflowHistory.from_json(first["workflowId"], path.read_text())


def replayer(openai: AsyncOpenAI, instrumented: bool) -> Replayer:
    every: list[Any] = plugins(openai, instrumented=instrumented)
    return Replayer(workflows=EVERY_WORKFLOW, plugins=every)


@pytest.mark.parametrize("instrumented", [True, False], ids=["with plugin", "without plugin"])
async def test_every_golden_history_replays(instrumented: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """No command differs from the recorded one."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    async with AsyncOpenAI(base_url="http://127.0.0.1:9/v1", api_key="never called", max_retries=0) as openai:
        histories = [history_of(path) for name in SCENARIOS for path in files(name)]

        async def each() -> Any:
            for history in histories:
                yield history

        results = await replayer(openai, instrumented).replay_workflows(each(), raise_on_replay_failure=False)
        assert results.replay_failures == {}
    assert len(histories) >= len(SCENARIOS)


async def test_a_changed_workflow_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail: a history without its last activity does not fit the code."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    golden = json.loads((FOLDER / "failure_isolation_saga.json").read_text())
    for event in golden["events"]:
        scheduled = event.get("activityTaskScheduledEventAttributes")
        if scheduled and scheduled["activityType"]["name"] == "book_hotel":
            scheduled["activityType"]["name"] = "book_train"
    async with AsyncOpenAI(base_url="http://127.0.0.1:9/v1", api_key="never called", max_retries=0) as openai:
        with pytest.raises(Exception, match="book_train"):
            await replayer(openai, instrumented=True).replay_workflow(
                WorkflowHistory.from_json("changed", json.dumps(golden))
            )


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_has_a_golden_history_of_its_end(name: str) -> None:
    """Recorded to the end, with the plugin's header on its activities, and without the recording machine's name."""
    [first, *_] = files(name)
    events = json.loads(first.read_text())["events"]
    assert events[0]["eventType"] == "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED"
    assert events[-1]["eventType"].startswith("EVENT_TYPE_WORKFLOW_EXECUTION_")
    scheduled = [event["activityTaskScheduledEventAttributes"] for event in events
                 if "activityTaskScheduledEventAttributes" in event]  # fmt: skip
    assert all("_durascope" in attributes["header"]["fields"] for attributes in scheduled)
    assert all(identity.endswith("@worker") for identity in re.findall(r'"(\d+@[^"]+)"', first.read_text()))


def test_every_sample_is_in_a_scenario() -> None:
    """A folder without a scenario would have neither a test nor a golden history."""
    folders = {path.parent.name for path in SAMPLES.glob("*/workflow.py")} | {"failure_isolation"}
    assert [folder for folder in folders if not any(name.startswith(folder) for name in SCENARIOS)] == []
