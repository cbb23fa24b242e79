"""The Temporal SDK's own metrics in the same pipeline."""

import asyncio
import time
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from durascope import conventions as c
from durascope.exceptions import ConfigurationError
from durascope.runtime import temporal_runtime
from durascope_dashboard.demo.dev_server import DevServer
from tests.instrumentation.receiver import Receiver
from tests.instrumentation.world import unique


@activity.defn
async def nothing() -> None:
    """An activity."""


@workflow.defn
class Once:
    """Runs it once."""

    @workflow.run
    async def run(self) -> None:
        """See the class."""
        await workflow.execute_activity(nothing, start_to_close_timeout=timedelta(seconds=60))


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


async def test_buckets_of_activities_reach_as_far_as_ours(
    temporal_server: DevServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not to a minute, where the SDK's own end."""
    with Receiver() as receiver:
        for name, value in {**receiver.environment, "OTEL_METRIC_EXPORT_INTERVAL": "200"}.items():
            monkeypatch.setenv(name, value)
        client = await Client.connect(temporal_server.address, runtime=temporal_runtime())
        queue = unique("buckets")
        plain = UnsandboxedWorkflowRunner()
        async with Worker(client, task_queue=queue, workflows=[Once], activities=[nothing], workflow_runner=plain):
            await client.execute_workflow(Once.run, id=queue, task_queue=queue)
            names = ("temporal_activity_execution_latency", "temporal_workflow_endtoend_latency")
            deadline = time.monotonic() + 20
            while not all(name in receiver.metrics for name in names):
                assert time.monotonic() < deadline, list(receiver.metrics)
                await asyncio.sleep(0.05)
        for name in names:
            assert tuple(receiver.metrics[name][0].explicit_bounds) == c.DURATION_BUCKETS_S


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"), ("OTEL_METRIC_EXPORT_INTERVAL", "1m")]
)
def test_a_setting_that_cannot_be(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """One sentence that names the variable and what was found."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"{name} is '{value}'.*set it to"):
        temporal_runtime()
