"""Whatever a worker's telemetry meets on its way out: what is kept and what is dropped add up to what has ended."""

import threading
import time
from collections.abc import Iterator

import pytest

from durascope import DurascopePlugin
from durascope import conventions as c
from durascope._spans import SpanFacts
from durascope_dashboard.demo.dev_server import free_port
from tests.instrumentation.inside import exporting
from tests.instrumentation.receiver import Receiver

SIZE, THREADS, EACH = 2_000, 4, 1_500
ENDED = THREADS * EACH


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """Where telemetry goes; nobody listens there yet."""
    found = free_port()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{found}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    return found


@pytest.fixture
def plugin(port: int) -> Iterator[DurascopePlugin]:
    """One that exports over real HTTP, with a small buffer."""
    with exporting(buffer_size=SIZE) as made:
        yield made


def work(plugin: DurascopePlugin) -> None:
    """Several threads end spans at the same time, far more than the buffer holds."""

    def end(first: int) -> None:
        for number in range(first, first + EACH):
            plugin._pipeline.span(SpanFacts("work", 1, number, 0, 1, 2, {}))

    threads = [threading.Thread(target=end, args=(1 + each * EACH,)) for each in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def add_up(plugin: DurascopePlugin, receiver: Receiver) -> None:
    """Once the collector is well again: each span is there once or counted as dropped, and the metric says so."""
    deadline = time.monotonic() + 60
    while len(receiver.spans) + plugin._pipeline.dropped() < ENDED:
        assert time.monotonic() < deadline, (len(receiver.spans), plugin._pipeline.dropped())
        time.sleep(0.05)
    kept, dropped = {span.span for span in receiver.spans}, plugin._pipeline.dropped()
    assert (len(kept), len(receiver.spans)) == (ENDED - dropped, ENDED - dropped)
    assert len(kept) >= SIZE
    while told(plugin, receiver) != dropped:
        assert time.monotonic() < deadline, receiver.metrics


def told(plugin: DurascopePlugin, receiver: Receiver) -> int | None:
    """What the metric says was dropped by the buffer."""
    plugin.force_flush()
    points = [p for p in receiver.metrics.get(c.METRIC_DROPPED, ()) if "buffer" in str(p.attributes)]
    return points[-1].as_int if points else None


def test_a_collector_that_is_away(plugin: DurascopePlugin, port: int) -> None:
    """Nobody listens while the work is done, and somebody does later."""
    work(plugin)
    deadline = time.monotonic() + 60
    while plugin._pipeline.dropped() < ENDED - SIZE - 1_024:  # two batches may be on their way
        assert time.monotonic() < deadline, plugin._pipeline.dropped()
        time.sleep(0.05)  # what has just ended waits for another thread, which passes it on
    with Receiver(port) as receiver:
        add_up(plugin, receiver)


def test_a_collector_that_refuses(plugin: DurascopePlugin, port: int) -> None:
    """It answers 503 until a few requests have been turned down."""
    with Receiver(port) as receiver:
        receiver.status = 503
        work(plugin)
        deadline = time.monotonic() + 60
        while receiver.requests < 3:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        receiver.status = 200
        add_up(plugin, receiver)


def test_a_collector_that_is_slow(plugin: DurascopePlugin, port: int) -> None:
    """It takes its time for each request, though less than the exporter's patience."""
    with Receiver(port) as receiver:
        receiver.delay_s = 0.2
        work(plugin)
        add_up(plugin, receiver)
