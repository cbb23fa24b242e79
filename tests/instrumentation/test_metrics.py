"""Metrics: of attempts, calls, tools, agents and runs; once however often a workflow replays; with exemplars."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, TraceIdRatioBased

from durascope import conventions as c
from durascope.identity import RunKey, trace_id
from durascope.testing import InMemory, attribute
from tests.instrumentation.inside import run, working
from tests.instrumentation.world import TOKENS, World


def counts(points: Sequence[Any], *names: str) -> Counter[tuple[Any, ...]]:
    """Value (or number of records) by these attributes."""
    found: Counter[tuple[Any, ...]] = Counter()
    for point in points:
        found[tuple(point.attributes.get(name) for name in names)] += getattr(point, "value", None) or point.count
    return found


async def test_metrics_of_a_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a workflow cache the run is replayed again and again, and each thing is still counted once."""
    telemetry = InMemory()
    async with working(world, monkeypatch, [telemetry.plugin()], cached=0) as (client, queue):
        handle = await run(client, queue, "limited flaky")
        exemplars = [e for p in telemetry.points(c.METRIC_RUN_TIME) for e in p.exemplars]  # a flush forgets them
    spans = {s.context.span_id for s in telemetry.attempts() if s.context}
    assert exemplars and {e.span_id for e in exemplars} <= spans
    attempts = counts(telemetry.points(c.METRIC_ATTEMPTS), c.ACTIVITY_TYPE, c.OUTCOME, c.ERROR_TYPE)
    assert attempts == {
        ("invoke_model_activity", "error", "APIStatusError"): 4,
        ("invoke_model_activity", "ok", None): 2,
        ("lookup", "error", "ValueError"): 2,
        ("lookup", "ok", None): 1,
    }
    assert counts(telemetry.points(c.METRIC_RUN_TIME), c.ACTIVITY_TYPE).total() == 9
    assert counts(telemetry.points(c.METRIC_QUEUE_TIME), c.ACTIVITY_TYPE).total() == 9
    backoffs = counts(telemetry.points(c.METRIC_BACKOFF_TIME), c.ACTIVITY_TYPE, c.RETRY_BY)
    assert backoffs == {
        ("invoke_model_activity", "server"): 2,
        ("invoke_model_activity", "policy"): 2,
        ("lookup", "policy"): 2,
    }
    for metric in (c.METRIC_WORKFLOW_DURATION, c.METRIC_AGENT_DURATION, c.METRIC_TOOL_DURATION):
        assert counts(telemetry.points(metric)).total() == 1, metric
    billed = world.billed(handle.id)
    usage = counts(telemetry.points(c.METRIC_TOKENS), c.TOKEN_USE, c.GEN_AI_TOKEN_TYPE)
    assert usage.pop(("unknown", None)) == 4  # attempts, not tokens
    assert usage == {("useful", name): billed[name] for name in TOKENS if billed[name]}
    by_type = {p.attributes[c.GEN_AI_TOKEN_TYPE]: p.sum for p in telemetry.points(c.METRIC_TOKEN_USAGE)}
    assert by_type == {"input": billed["input"], "output": billed["output"]}


async def test_metrics_have_no_ids(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Low cardinality: nothing in a label is different from one run to the next."""
    telemetry = InMemory()
    async with working(world, monkeypatch, [telemetry.plugin()]) as (client, queue):
        await run(client, queue, "flaky both")
        first = _labels(telemetry)
        await run(client, queue, "flaky both")
    assert _labels(telemetry) == first


def _labels(telemetry: InMemory) -> set[str]:
    names = [getattr(c, name) for name in dir(c) if name.startswith("METRIC_")]
    return {str(sorted(p.attributes.items())) for name in names for p in telemetry.points(name)}


@pytest.mark.parametrize(
    "sampler", [TraceIdRatioBased(0.5), ParentBased(TraceIdRatioBased(0.5))], ids=["ratio", "parent"]
)
async def test_sampling_keeps_or_drops_whole_runs(
    world: World, monkeypatch: pytest.MonkeyPatch, sampler: Sampler
) -> None:
    """Of each run all spans are there or none, as its trace id says; metrics count all runs."""
    telemetry, kept, runs = InMemory(sampler), set[str](), 0
    async with working(world, monkeypatch, [telemetry.plugin()]) as (client, queue):
        while not 0 < len(kept) < runs:  # run ids are the server's: until both kinds have come
            handle = await run(client, queue, "plain")
            runs += 1
            key = RunKey(client.namespace, handle.id, str(handle.first_execution_run_id))
            if sampler.should_sample(None, trace_id(key), "run").decision is not Decision.DROP:
                kept.add(key.run_id)
    by_run = Counter(attribute(span, c.RUN_ID) for span in telemetry.spans())
    assert set(by_run) == kept
    assert len(set(by_run.values())) == 1
    assert {attribute_of(event, c.RUN_ID) for event in telemetry.events()} == kept
    assert counts(telemetry.points(c.METRIC_WORKFLOW_DURATION)).total() == runs


def attribute_of(event: Any, name: str) -> Any:
    """An attribute of a log record."""
    return event.log_record.attributes[name]
