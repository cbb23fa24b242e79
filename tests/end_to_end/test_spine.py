"""A real agent run, seen through everything between its worker and `durascope show`, against its own log."""

import datetime
import uuid
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from durascope_dashboard.demo.dev_server import DevServer
from sample_workflows.model_server import Call, Fault, Latency, Rule, Text, ToolCalls
from tests.end_to_end.harness import Stack

pytestmark = [pytest.mark.server, pytest.mark.timeout(150)]

TOLERANCE_MS = 50.0
RULES = [
    Rule("rate limited", Fault(429, retry_after=1.0), after="", first=1),
    Rule("ask the tool", ToolCalls((Call("lookup", {"city": "Bern"}),)), after=""),
    Rule("answer", Text("Sunny in Bern.")),
]


@pytest.fixture
def stack(tmp_path: Path, temporal_server: DevServer) -> Iterator[Stack]:
    """A stack whose model answers the first call with 429 and whose tool fails twice."""
    with Stack(tmp_path, temporal_server, RULES) as running:
        yield running


async def run_workflow(stack: Stack, workflow_id: str) -> str:
    client = await Client.connect(stack.temporal.address)
    handle = await client.start_workflow("TruthWorkflow", "Weather?", id=workflow_id, task_queue=stack.task_queue)
    assert await handle.result() == "Sunny in Bern."
    return handle.first_execution_run_id or ""


def new_id() -> str:
    return f"truth-{uuid.uuid4().hex[:8]}"


def seconds(text: str) -> float:
    return datetime.datetime.fromisoformat(text).timestamp()


def by_kind(shown: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [operation for operation in shown["operations"] if operation["kind"] == kind]


def evidence(attempt: dict[str, Any]) -> tuple[str, str]:
    return attempt["status"], attempt["source"]


def complete(shown: dict[str, Any]) -> bool:
    coverage = shown["coverage"]
    return bool(shown["status"] == "completed" and coverage["span_attempts"] >= coverage["history_attempts"] > 0)


def assert_ledger_equals(shown: dict[str, Any], stack: Stack) -> None:
    billed = stack.model.log.billed()
    tokens = shown["tokens"]
    assert tokens["billed"]["input"] == billed.input
    assert tokens["billed"]["cached_input"] == billed.cached_input
    assert tokens["billed"]["output"] == billed.output
    assert tokens["billed"]["reasoning"] == billed.reasoning
    assert tokens["billed"]["cache_write"] == billed.cache_write > 0
    for name in ("input", "cached_input", "output", "reasoning", "cache_write"):
        assert tokens["billed"][name] == tokens["useful"].get(name, 0) + tokens["wasted"].get(name, 0)


def assert_time_adds_up(shown: dict[str, Any]) -> None:
    parts = [value for name, value in shown["time_ms"].items() if name != "total"]
    assert sum(parts) == pytest.approx(shown["time_ms"]["total"], abs=0.01)
    assert shown["time_ms"]["total"] == pytest.approx(shown["duration_ms"], abs=0.01)


def furthest_ms(shown: dict[str, Any], truth: dict[int, tuple[float, float]]) -> float:
    """How far a start or an end of the tool's attempts is from its log, at most."""
    (tool,) = by_kind(shown, "tool")
    pairs = [zip((a["started"], a["ended"]), truth[a["attempt"]], strict=True) for a in tool["attempts"]]
    return max(abs(seconds(told) - wrote) * 1000 for pair in pairs for told, wrote in pair)


async def test_every_attempt_is_shown_as_it_was(tmp_path: Path, temporal_server: DevServer) -> None:
    """A tool that fails twice and a model call with one 429: every queue, run and backoff agrees with the log.

    The worker writes its log beside the span, not in the same instant: three tries, for a machine that pauses between.
    """
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        with Stack(tmp_path / str(number), temporal_server, RULES) as stack:
            stack.start_collector()
            workflow_id = new_id()
            with stack.worker():
                run_id = await run_workflow(stack, workflow_id)
                shown = stack.shown_when(workflow_id, complete, "a completed run with full coverage")
            assert stack.stop_collector() == 0
        truth = stack.truth_of(run_id)
        if furthest_ms(shown, truth) < TOLERANCE_MS:
            break

    (tool,) = by_kind(shown, "tool")
    assert furthest_ms(shown, truth) < TOLERANCE_MS
    assert [a["attempt"] for a in tool["attempts"]] == [1, 2, 3]
    assert [a["status"] for a in tool["attempts"]] == ["error", "error", "ok"]
    assert {a["error_type"] for a in tool["attempts"][:2]} == {"RuntimeError"}
    for attempt in tool["attempts"]:
        assert attempt["estimated"] is False
        assert attempt["worker"]
    assert {a["build_id"] for a in tool["attempts"]} == {tool["attempts"][-1]["build_id"]} != {None}
    for before, after in pairwise(tool["attempts"]):
        waited = (truth[after["attempt"]][0] - truth[before["attempt"]][1]) * 1000
        assert after["backoff_ms"] + after["queue_ms"] == pytest.approx(waited, abs=TOLERANCE_MS)
    assert tool["run_ms"] == pytest.approx(sum(e - s for s, e in truth.values()) * 1000, abs=TOLERANCE_MS * 3)
    assert tool["backoff_ms"] == pytest.approx(400 + 800, abs=TOLERANCE_MS * 3)
    elapsed = (seconds(tool["closed"]) - seconds(tool["scheduled"])) * 1000
    assert tool["queue_ms"] + tool["run_ms"] + tool["backoff_ms"] == pytest.approx(elapsed, abs=1)

    first, _second = by_kind(shown, "model")
    assert [a["status"] for a in first["attempts"]] == ["error", "ok"]
    assert first["attempts"][0]["retry_by"] == "server"
    assert first["attempts"][0]["retry_delay_ms"] == 1000
    assert 1000 - TOLERANCE_MS <= first["backoff_ms"] < 2000  # with the time that the failure took to the server
    assert first["agent"] == "Forecaster" and tool["agent"] == "Forecaster"
    assert shown["retries"] == {"operations": 3, "attempts": 6, "retries": 3, "failed_attempts": 3}
    assert shown["coverage"] == {
        "history_attempts": 6, "span_attempts": 6, "reconstructed": 0, "orphan_spans": 0, "duplicate_spans": 0,
    }  # fmt: skip
    assert_ledger_equals(shown, stack)
    assert_time_adds_up(shown)


async def test_without_the_plugin_history_tells_what_it_can(stack: Stack) -> None:
    """No instrumentation: final attempts, counts and tokens are there; middle attempts say that they are estimated."""
    stack.start_collector()
    workflow_id = new_id()
    with stack.worker(plugin=False):
        await run_workflow(stack, workflow_id)
        shown = stack.shown_when(workflow_id, lambda s: bool(s["status"] == "completed"), "a completed run")
    (tool,) = by_kind(shown, "tool")
    assert [a["attempt"] for a in tool["attempts"]] == [1, 2, 3]
    assert tool["attempts"][2]["estimated"] is False and tool["attempts"][2]["status"] == "ok"
    assert tool["attempts"][1]["error_type"] == "RuntimeError"
    assert all(a["source"] == "history" for operation in shown["operations"] for a in operation["attempts"])
    assert shown["coverage"]["span_attempts"] == 0
    assert shown["coverage"]["history_attempts"] == 6
    assert shown["coverage"]["reconstructed"] == 6
    assert shown["tokens"]["unknown_attempts"] == 1  # the 429: nobody saw whether it was billed
    assert_ledger_equals(shown, stack)
    assert_time_adds_up(shown)


async def test_the_collector_may_come_after_the_run(stack: Stack) -> None:
    """Nobody listens while the run lives: it never notices, and is complete from history afterwards."""
    workflow_id = new_id()
    with stack.worker():
        await run_workflow(stack, workflow_id)
    stack.start_collector()
    shown = stack.shown_when(workflow_id, lambda s: bool(s["status"] == "completed"), "a completed run")
    assert shown["retries"]["attempts"] == 6
    assert shown["coverage"]["history_attempts"] == 6
    assert_ledger_equals(shown, stack)
    assert_time_adds_up(shown)


async def test_a_killed_worker_leaves_a_lost_attempt(tmp_path: Path, temporal_server: DevServer) -> None:
    """SIGKILL in the middle of a model call, then a restart: one lost attempt, one good one, nothing twice."""
    slow = Rule("slow", Text("Sunny in Bern."), first=1, latency=Latency(first_token=60.0, spread=0.0))
    with Stack(tmp_path, temporal_server, [slow, Rule("answer", Text("Sunny in Bern."))]) as stack:
        stack.start_collector()
        workflow_id = new_id()
        client = await Client.connect(stack.temporal.address)
        with stack.worker() as process:
            handle = await client.start_workflow("TruthWorkflow", "?", id=workflow_id, task_queue=stack.task_queue)
            stack.shown_when(workflow_id, lambda s: bool(by_kind(s, "model")), "the model call")
            stack.shown_when(
                workflow_id,
                lambda s: evidence(by_kind(s, "model")[0]["attempts"][0]) == ("running", "both"),
                "the model attempt seen as running, by its own telemetry too",
            )
            process.kill()
            process.wait()
        with stack.worker():
            assert await handle.result() == "Sunny in Bern."
            shown = stack.shown_when(workflow_id, lambda s: bool(s["status"] == "completed"), "a completed run")
        (model,) = by_kind(shown, "model")
        assert [a["status"] for a in model["attempts"]] == ["lost", "ok"]
        assert shown["retries"]["attempts"] == 2
        assert shown["tokens"]["unknown_attempts"] == 1
        assert shown["coverage"]["duplicate_spans"] == 0
        assert_time_adds_up(shown)
