"""A meter provider that exports over OTLP as spans do: by the same variables, as quiet while a collector is away."""

from typing import Any

from opentelemetry.exporter.otlp.proto.common._internal.metrics_encoder import OTLPMetricExporterMixin
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource

from durascope import _otlp
from durascope._safely import safely
from durascope._ways import own_sender, switched_off


@safely
def own_meter_provider(resource: Resource) -> MeterProvider | None:
    """A provider that exports every ``OTEL_METRIC_EXPORT_INTERVAL``; None if the environment switches metrics off."""
    sender = None if switched_off("METRICS") else own_sender("METRICS", lambda data: _encode(data[0]))
    if sender is None:
        return None
    reader = PeriodicExportingMetricReader(OwnMetricExporter(sender))
    return MeterProvider([reader], resource=resource, shutdown_on_exit=False)


def _encode(data: MetricsData) -> bytes:
    return bytes(encode_metrics(data).SerializeToString())


class OwnMetricExporter(MetricExporter, OTLPMetricExporterMixin):
    """Sends each collection once. What fails is in the next one, since sums go on; deltas are lost."""

    def __init__(self, sender: _otlp.Sender) -> None:
        self._common_configuration()  # temporality and aggregation, by the variables
        self._sender = sender

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: Any) -> MetricExportResult:
        """See base class."""
        taken = self._sender([metrics_data]).taken
        return MetricExportResult.SUCCESS if taken else MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """See base class. Nothing is kept here."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None:
        """See base class."""
        self._sender.close()
