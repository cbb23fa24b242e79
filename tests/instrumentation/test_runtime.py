"""The Temporal SDK's own metrics in the same pipeline."""

import asyncio
import time

import pytest
from temporalio.client import Client

from durascope.exceptions import ConfigurationError
from durascope.runtime import temporal_runtime
from durascope_dashboard.demo.dev_server import DevServer
from tests.instrumentation.receiver import Receiver


async def test_the_sdks_metrics_arrive_with_long_buckets(
    temporal_server: DevServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In seconds, with the tags given, at the endpoint of the standard variable."""
    with Receiver() as receiver:
        for name, value in {**receiver.environment, "OTEL_METRIC_EXPORT_INTERVAL": "500"}.items():
            monkeypatch.setenv(name, value)
        client = await Client.connect(temporal_server.address, runtime=temporal_runtime({"team": "search"}))
        await client.count_workflows()
        deadline = time.monotonic() + 20
        while "temporal_request_latency" not in receiver.metrics:
            assert time.monotonic() < deadline, list(receiver.metrics)
            await asyncio.sleep(0.05)
        point = receiver.metrics["temporal_request_latency"][0]
        assert {resource.get("team") for resource in receiver.resources} == {"search"}
        assert 0 < point.sum / point.count < 10  # seconds, not milliseconds


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"), ("OTEL_METRIC_EXPORT_INTERVAL", "1m")]
)
def test_a_setting_that_cannot_be(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """One sentence that names the variable and what was found."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"{name} is '{value}'.*set it to"):
        temporal_runtime()
