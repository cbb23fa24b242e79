"""The Temporal SDK's own metrics, sent where Durascope's go.

    client = await Client.connect(address, plugins=[...], runtime=temporal_runtime())

Temporal's core exports them itself, natively, so this costs no Python time.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from opentelemetry.util.re import parse_env_headers
from temporalio.runtime import OpenTelemetryConfig, Runtime, TelemetryConfig

from durascope import conventions as c
from durascope._endpoint import uses_http, variable
from durascope._ways import switched_off
from durascope.exceptions import ConfigurationError

# The SDK's buckets end at 60 s; activities of agents, and waits for people, take longer.
LONG = (
    "activity_execution_latency",
    "activity_schedule_to_start_latency",
    "activity_succeed_endtoend_latency",
    "local_activity_execution_latency",
    "local_activity_succeed_endtoend_latency",
    "workflow_endtoend_latency",
    "workflow_task_schedule_to_start_latency",
)


def temporal_runtime(tags: Mapping[str, str] | None = None) -> Runtime:
    """A runtime for ``Client.connect`` whose metrics go to ``OTEL_EXPORTER_OTLP_ENDPOINT``, in seconds.

    ``tags`` are put on every metric. Without metrics (``OTEL_METRICS_EXPORTER=none``) it is an ordinary runtime.
    Raises ConfigurationError for an endpoint or an interval that cannot be.
    """
    if switched_off("METRICS"):
        return Runtime(telemetry=TelemetryConfig())
    http = uses_http("METRICS")
    config = OpenTelemetryConfig(
        url=_url(http),
        headers=parse_env_headers(variable("METRICS", "HEADERS"), liberal=True),
        metric_periodicity=_interval(),
        durations_as_seconds=True,
        http=http,
        histogram_bucket_overrides=dict.fromkeys(LONG, c.DURATION_BUCKETS_S),
    )
    return Runtime(telemetry=TelemetryConfig(metrics=config, global_tags=dict(tags or {})))


def _url(http: bool) -> str:
    whole = os.environ.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
    base = whole or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or f"http://localhost:{4318 if http else 4317}"
    if urlsplit(base).scheme not in ("http", "https"):
        raise ConfigurationError(
            f"OTEL_EXPORTER_OTLP_ENDPOINT is {base!r}, which is no URL; set it to http://HOST:{4318 if http else 4317}"
        )
    return base if whole or not http else f"{base.rstrip('/')}/v1/metrics"


def _interval() -> timedelta:
    said = os.environ.get("OTEL_METRIC_EXPORT_INTERVAL") or "60000"
    if not said.isdigit() or not int(said):
        raise ConfigurationError(f"OTEL_METRIC_EXPORT_INTERVAL is {said!r}; set it to a number of milliseconds")
    return timedelta(milliseconds=int(said))
