"""Telemetry never breaks a run: whatever of ours raises, the run goes on and the failure is counted."""

from typing import Any

import pytest
from agents import trace

from durascope import _activity, _client, _metrics, _operation, _outbound, _pipeline, _processor, _registry, _workflow
from durascope._safely import failures
from durascope.testing import InMemory
from tests.instrumentation.inside import run, working
from tests.instrumentation.world import World

BROKEN: list[tuple[Any, str]] = [
    (_activity, "_identity"),
    (_activity, "_ending"),
    (_activity, "outcome_of"),
    (_client, "SpanFacts"),
    (_metrics, "_pick"),
    (_operation, "SpanFacts"),
    (_outbound, "caller"),
    (_pipeline.Pipeline, "event"),
    (_processor, "describe"),
    (_processor, "is_replaced"),
    (_registry, "registered"),
    (_workflow, "begin_run"),
    (_workflow, "_run_span"),
]


async def test_a_failure_in_any_hook_costs_only_telemetry(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other is broken while the worker works."""
    telemetry = InMemory()
    async with working(world, monkeypatch, [telemetry.plugin()]) as (client, queue):
        for place, name in BROKEN:
            before = sum(failures().values())
            with monkeypatch.context() as patch, trace("Ask"):

                def fail(*_: Any, **__: Any) -> Any:
                    raise RuntimeError("ours")

                patch.setattr(place, name, fail)
                await run(client, queue, "flaky both")
                telemetry.spans()  # which waits for what is done on another thread
            assert sum(failures().values()) > before, f"{name} was not called, or its failure not counted"
        telemetry.clear()
        handle = await run(client, queue, "plain")
    assert telemetry.spans() and handle.id
