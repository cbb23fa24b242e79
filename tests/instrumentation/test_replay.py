"""Workflow code replays with the plugin from histories recorded without it, and the other way round; silently."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from agents import set_trace_processors
from temporalio.client import WorkflowHistory
from temporalio.openai_agents import OpenAIAgentsPlugin
from temporalio.worker import Replayer

from durascope import conventions as c
from durascope._safely import failures
from durascope.testing import InMemory
from tests.instrumentation.fleet import parameters
from tests.instrumentation.record import GOLDEN, JOURNEYS
from tests.instrumentation.scenario import WORKFLOWS
from tests.instrumentation.witness import Witness


def histories() -> list[WorkflowHistory]:
    """The recorded ones."""
    return [WorkflowHistory.from_json(path.stem, path.read_text()) for path in sorted(GOLDEN.glob("*.json"))]


def agents_plugin(monkeypatch: pytest.MonkeyPatch) -> OpenAIAgentsPlugin:
    """The integration, as workers have it."""
    monkeypatch.setenv("OPENAI_API_KEY", "scripted")
    set_trace_processors([])
    return OpenAIAgentsPlugin(parameters(), Witness())


async def replay(plugins: Sequence[Any]) -> None:
    """Fails at the first history that does not fit the code."""
    replayer = Replayer(workflows=WORKFLOWS, plugins=list(plugins))
    for history in histories():
        await replayer.replay_workflow(history)


def test_the_histories_are_of_both_kinds() -> None:
    """Recorded with the plugin and without it; only the former carry its header."""
    names = {path.stem for path in Path(GOLDEN).glob("*.json")}
    assert names == {f"{kind}-{name}" for kind in ("with", "without") for name in JOURNEYS}
    for path in GOLDEN.glob("*.json"):
        assert (c.HEADER_DURASCOPE in path.read_text()) == path.stem.startswith("with-")


@pytest.mark.parametrize("first", ["agents", "durascope"])
async def test_replay_with_the_plugin(monkeypatch: pytest.MonkeyPatch, first: str) -> None:
    """In either order of plugins; and a replay tells nothing, since all of it was told before."""
    telemetry = InMemory()
    before = failures()
    plugins = [agents_plugin(monkeypatch), telemetry.plugin()]
    await replay(plugins if first == "agents" else plugins[::-1])
    assert [span.name for span in telemetry.spans()] == []
    assert telemetry.events() == []
    assert telemetry.points(c.METRIC_WORKFLOW_DURATION) == []
    assert failures() == before


async def test_replay_without_the_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker may drop the plugin while its runs are open."""
    await replay([agents_plugin(monkeypatch)])
