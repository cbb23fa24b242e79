"""What the OpenTelemetry Collector does with metrics, in a few lines: OTLP/HTTP in, Prometheus' exposition out."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import accumulate
from types import TracebackType
from typing import Any, Self

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from durascope_dashboard.export.families import Exemplar, Family, Sample, Type
from durascope_dashboard.export.openmetrics import CONTENT_TYPE, text


class Bridge:
    """POST /v1/metrics and GET /metrics on a free port."""

    def __init__(self) -> None:
        self.families: dict[str, Family] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, body: bytes) -> None:
        """Keep the latest of each metric."""
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            for scope in resource.scope_metrics:
                self.families |= {metric.name: _family(metric) for metric in scope.metrics}


def _family(metric: Any) -> Family:
    if metric.HasField("histogram"):
        points = metric.histogram.data_points
        bounds = tuple(points[0].explicit_bounds)
        return Family(metric.name, Type.HISTOGRAM, "", metric.unit, [_histogram(p) for p in points], bounds)
    kind, points = (Type.GAUGE, metric.gauge) if metric.HasField("gauge") else (Type.COUNTER, metric.sum)
    samples = [Sample(_labels(p), p.as_double or float(p.as_int)) for p in points.data_points]
    return Family(metric.name, kind, "", metric.unit, samples)


def _histogram(point: Any) -> Sample:
    cumulative = list(accumulate(point.bucket_counts))
    exemplars = list(_exemplars(point))
    return Sample(_labels(point), point.sum, point.count, tuple(cumulative[:-1]), exemplars[-1] if exemplars else None)


def _exemplars(point: Any) -> Iterator[Exemplar]:
    for found in point.exemplars:
        yield Exemplar(found.trace_id.hex(), found.span_id.hex(), found.as_double, found.time_unix_nano // 1000)


def _labels(point: Any) -> dict[str, str]:
    pairs = ((pair.key.replace(".", "_"), pair.value) for pair in point.attributes)
    return {key: str(getattr(value, value.WhichOneof("value"))) for key, value in pairs}


def _handler(bridge: Bridge) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            bridge.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self._answer(ExportMetricsServiceResponse().SerializeToString(), "application/x-protobuf")

        def do_GET(self) -> None:
            self._answer(text(list(bridge.families.values())).encode(), CONTENT_TYPE)

        def _answer(self, body: bytes, content_type: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
