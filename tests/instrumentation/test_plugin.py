"""The plugin's arguments, what the environment switches off, and how it ends: by `shutdown()`, or with the process."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from agents import trace
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracerProvider

from durascope import DurascopePlugin, _registry
from durascope import conventions as c
from durascope._spans import SpanFacts
from durascope.exceptions import ConfigurationError
from durascope_dashboard.demo.dev_server import free_port
from tests.instrumentation.inside import exporting, run, working
from tests.instrumentation.receiver import Receiver
from tests.instrumentation.world import World

SPAN = SpanFacts("work", 1, 2, 0, 1, 2, {})
CLIENT = """
from datetime import timedelta

from agents import set_trace_processors, trace
from durascope import DurascopePlugin

set_trace_processors([])
DurascopePlugin(flush_timeout=timedelta(seconds=2)).configure_client({})
with trace("Ask"):
    pass
"""


def bare() -> Any:
    """The configuration of a client or a worker, for the plugin to add to."""
    return {}


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Where the environment says that telemetry goes."""
    with Receiver() as found:
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"buffer_size": 0}, "buffer_size is 0; set it to 1 or more"),
        ({"buffer_size": -1}, "buffer_size is -1; set it to 1 or more"),
        ({"content_limit": -5}, "content_limit is -5; set it to 0 or more"),
        ({"flush_timeout": timedelta(seconds=-1)}, "flush_timeout is -1; set it to 0 or more"),
        ({"tracer_provider": otel.ProxyTracerProvider()}, "tracer_provider is a ProxyTracerProvider, which takes no"),
    ],
)
def test_an_argument_that_cannot_work(settings: dict[str, Any], said: str) -> None:
    """Is refused at set-up, in one sentence: a provider that is set later, say, would get nothing."""
    with pytest.raises(ConfigurationError, match=said):
        DurascopePlugin(**settings)


def test_a_provider_that_does_nothing_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gives it wants nothing; and the SDK's own does nothing either where the environment says so."""
    DurascopePlugin(NoOpTracerProvider())
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    plugin = DurascopePlugin(provider)
    plugin._pipeline.span(SPAN)
    plugin.force_flush()
    provider.get_tracer("stock").start_span("stock").end()
    assert kept.get_finished_spans() == ()


def test_a_slow_processor_holds_up_no_shutdown() -> None:
    """The flush of a worker that ends waits for a given provider no longer than it was told to."""
    release = threading.Event()

    class Slow(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            release.wait(30)

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Slow())
    plugin = DurascopePlugin(provider)
    plugin._pipeline.span(SPAN)
    begun = time.monotonic()
    plugin.force_flush(timedelta(seconds=0.3))
    plugin.shutdown(timedelta(seconds=0.3))
    assert time.monotonic() - begun < 5
    release.set()


@pytest.mark.parametrize(
    ("variable", "value", "spans", "events", "metrics"),
    [
        ("OTEL_SDK_DISABLED", "true", False, False, False),
        ("OTEL_TRACES_EXPORTER", "none", False, True, True),
        ("OTEL_LOGS_EXPORTER", "none", True, False, True),
        ("OTEL_METRICS_EXPORTER", "none", True, True, False),
    ],
)
def test_what_the_environment_switches_off(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, spans: bool, events: bool,
    metrics: bool,
) -> None:  # fmt: skip
    """All of OpenTelemetry, or one signal."""
    monkeypatch.setenv(variable, value)
    with exporting() as plugin:
        plugin._pipeline.span(SPAN)
        plugin._pipeline.later(lambda: plugin._pipeline.event("event", 1, 2, 1, {}))
        plugin.force_flush()
    assert (bool(receiver.spans), bool(receiver.events), bool(receiver.metrics)) == (spans, events, metrics)
    assert plugin._pipeline.dropped() == 0


async def test_a_sampler_that_the_environment_names(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No span and no event of a run that it drops, but the metrics of all runs; and the worker has its name there."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "finders")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=prod")
    with exporting() as plugin:
        async with working(world, monkeypatch, [plugin]) as (client, queue):
            await run(client, queue, "plain")
        plugin.force_flush()
    assert (receiver.spans, receiver.events) == ([], [])
    assert receiver.metrics[c.METRIC_WORKFLOW_DURATION]
    named = {(found["service.name"], found["deployment.environment"]) for found in receiver.resources}
    assert named == {("finders", "prod")}


def test_two_plugins_are_two_in_the_metrics(receiver: Receiver) -> None:
    """Else their counters would be one series that jumps; spans have the same resource."""
    with exporting() as first, exporting() as second:
        for plugin in (first, second):
            plugin._pipeline.span(SPAN)
            plugin.force_flush()
    ids = [found["service.instance.id"] for found in receiver.resources]
    assert len(set(ids)) == 2 and all(ids)


@pytest.mark.parametrize("where", ["client", "worker"])
def test_a_plugin_that_is_registered_twice_warns(receiver: Receiver, where: str) -> None:
    """The first is used; the other starts nothing and exports nothing, its metrics neither."""
    with exporting() as first, exporting() as second:
        begun = threading.active_count()
        configs: list[Any] = [first.configure_client(bare()), first.configure_worker(bare())]
        started = threading.active_count() - begun
        config = configs[where == "worker"]
        configure: Any = getattr(second, f"configure_{where}")
        with pytest.warns(RuntimeWarning, match=f"registered twice on one {where}; the first is used"):
            again = configure(config)
        assert again["interceptors"] == config["interceptors"]
        assert threading.active_count() == begun + started
    assert len({found["service.instance.id"] for found in receiver.resources}) <= 1


def test_shutdown_sends_what_is_left_and_ends_everything(receiver: Receiver) -> None:
    """Threads, metrics, the processor in the Agents SDK; what comes later is counted as dropped, and raises nothing."""
    before = set(threading.enumerate())
    plugin = DurascopePlugin()
    plugin.configure_client(bare())
    with trace("Ask"):
        pass
    plugin.shutdown()
    assert [span.name for span in receiver.spans] == ["Ask"]
    assert receiver.metrics[c.METRIC_DROPPED]
    assert [each for each in set(threading.enumerate()) - before if "durascope" in each.name] == []
    assert _registry.processor.outside.pipeline is not plugin._pipeline
    plugin._pipeline.span(SPAN)
    plugin.shutdown()
    assert plugin._pipeline.dropped() == 1


def leave(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A client's process that ends at once after its trace."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CLIENT],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_a_process_that_ends_sends_what_is_left(receiver: Receiver) -> None:
    """Without a word from the program: a client has no worker whose end would do it."""
    leave(receiver.environment)
    assert [span.name for span in receiver.spans] == ["Ask"]
    assert receiver.metrics[c.METRIC_DROPPED]


def test_a_process_ends_without_a_collector() -> None:
    """In the time that the plugin has for its last export, in which it tries again."""
    begun = time.monotonic()
    ended = leave({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"})
    assert time.monotonic() - begun < 20
    assert "takes no telemetry now" in ended.stderr and "Traceback" not in ended.stderr
