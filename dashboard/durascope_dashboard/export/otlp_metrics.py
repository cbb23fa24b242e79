"""Metric families as an OTLP request: the same numbers as `/metrics`, cumulative since the store began."""

from collections.abc import Iterable
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Exemplar as OtlpExemplar
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from durascope.conventions import SCOPE
from durascope.records import Micros
from durascope_dashboard.export.families import Family, Sample, Type
from durascope_dashboard.export.otlp import attributes


def request(families: Iterable[Family], start: Micros, now: Micros) -> Any:
    """One ``ExportMetricsServiceRequest``. ``start``: since when counters count."""
    times: dict[str, Any] = {"start_time_unix_nano": start * 1000, "time_unix_nano": now * 1000}
    metrics = [_metric(family, times) for family in families if family.samples]
    scope = ScopeMetrics(scope=InstrumentationScope(name=SCOPE), metrics=metrics)
    resource = Resource(attributes=attributes({"service.name": "durascope"}))
    return ExportMetricsServiceRequest(resource_metrics=[ResourceMetrics(resource=resource, scope_metrics=[scope])])


def _metric(family: Family, times: dict[str, Any]) -> Any:
    metric = Metric(name=family.name, description=family.help, unit=family.unit)
    if family.type is Type.HISTOGRAM:
        points = [_histogram(family, sample, times) for sample in family.samples]
        metric.histogram.CopyFrom(
            Histogram(data_points=points, aggregation_temporality=AGGREGATION_TEMPORALITY_CUMULATIVE)
        )
        return metric
    numbers = [
        NumberDataPoint(attributes=attributes(dict(sample.labels)), as_double=sample.value, **times)
        for sample in family.samples
    ]
    if family.type is Type.GAUGE:
        metric.gauge.CopyFrom(Gauge(data_points=numbers))
    else:
        metric.sum.CopyFrom(
            Sum(data_points=numbers, is_monotonic=True, aggregation_temporality=AGGREGATION_TEMPORALITY_CUMULATIVE)
        )
    return metric


def _histogram(family: Family, sample: Sample, times: dict[str, Any]) -> Any:
    """OTLP counts each bucket by itself; ours are cumulative."""
    cumulative = [*sample.buckets, sample.count]
    counts = [after - before for before, after in zip([0, *cumulative], cumulative, strict=False)]
    exemplar = sample.exemplar
    exemplars = [] if exemplar is None else [
        OtlpExemplar(
            trace_id=bytes.fromhex(exemplar.trace_id), span_id=bytes.fromhex(exemplar.span_id),
            as_double=exemplar.value, time_unix_nano=exemplar.time * 1000,
        )
    ]  # fmt: skip
    return HistogramDataPoint(
        attributes=attributes(dict(sample.labels)), count=sample.count, sum=sample.value, bucket_counts=counts,
        explicit_bounds=family.bounds, exemplars=exemplars, **times,
    )  # fmt: skip
