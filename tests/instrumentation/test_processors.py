"""Tracing processors of the program's own beside ours: each hears all, in any order; replacing them costs no run."""

from collections import Counter
from typing import Any

import pytest
from agents import TracingProcessor, add_trace_processor, set_trace_processors
from agents.tracing import Span, Trace

from durascope import conventions as c
from durascope.testing import InMemory
from tests.instrumentation.inside import run, working
from tests.instrumentation.world import World

WORDS = "limited flaky"  # two model calls of three attempts each, a tool of three


class Listener(TracingProcessor):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[tuple[str, str]] = []  # (id, what)
        self.traces = 0

    def on_trace_start(self, trace: Trace) -> None:
        self.traces += 1

    def on_trace_end(self, trace: Trace) -> None:
        """Not asked for."""

    def on_span_start(self, span: Span[Any]) -> None:
        self.begun.append(span.span_id)

    def on_span_end(self, span: Span[Any]) -> None:
        data = span.span_data
        self.ended.append((span.span_id, f"{data.type} {getattr(data, 'name', '')}"))

    def shutdown(self) -> None:
        """Not asked for."""

    def force_flush(self) -> None:
        """Not asked for."""

    def heard(self) -> Counter[str]:
        """What has ended, by what it was; each was begun, and none ended twice."""
        ids = [span_id for span_id, _ in self.ended]
        assert len(set(ids)) == len(ids) and set(ids) <= set(self.begun)
        return Counter(what for _, what in self.ended)


async def test_each_hears_what_it_would_hear_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registered before the worker, or while it works: the same spans as without us, and ours as without them."""
    alone, before, after = Listener(), Listener(), Listener()
    async with working(world, monkeypatch, [], processors=[alone]) as (client, queue):
        await run(client, queue, WORDS)
    expected, ours = alone.heard(), InMemory()
    assert expected
    async with working(world, monkeypatch, [ours.plugin()]) as (client, queue):
        await run(client, queue, WORDS)
    names, telemetry = Counter(span.name for span in ours.spans()), InMemory()
    async with working(world, monkeypatch, [telemetry.plugin()], processors=[before]) as (client, queue):
        add_trace_processor(after)
        await run(client, queue, WORDS)
    assert before.heard() == after.heard() == expected
    assert before.traces == after.traces == alone.traces
    assert Counter(span.name for span in telemetry.spans()) == names
    assert len(attempts(telemetry)) == 9


async def test_a_processor_that_replaces_all_others_costs_us_no_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`set_trace_processors` in the middle of a program: ours is back with the next run, once."""
    telemetry, late = InMemory(), Listener()
    async with working(world, monkeypatch, [telemetry.plugin()]) as (client, queue):
        await run(client, queue, WORDS)
        names = Counter(span.name for span in telemetry.spans())
        telemetry.clear()
        set_trace_processors([late])
        await run(client, queue, WORDS)
    assert Counter(span.name for span in telemetry.spans()) == names
    assert len(attempts(telemetry)) == 9 and late.heard()


def attempts(telemetry: InMemory) -> list[Any]:
    return [s for s in telemetry.spans() if s.attributes and s.attributes.get(c.KIND) == c.SPAN_ATTEMPT]
