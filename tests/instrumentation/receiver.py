"""A real OTLP/HTTP receiver of a few lines: what a worker process sends, decoded and kept."""

import gzip
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Received:
    """A span, or a log record (``end`` 0), as it came over the wire; ids are hexadecimal."""

    name: str
    trace: str
    span: str
    parent: str
    start: int
    end: int
    error: bool
    attributes: dict[str, Any]
    received: float  # Unix seconds, by the same clock as the rest


class Receiver:
    """Listens on a free port of 127.0.0.1; ``status`` is what it answers, after ``delay_s``."""

    def __init__(self, port: int = 0) -> None:
        self.spans: list[Received] = []
        self.events: list[Received] = []
        self.metrics: dict[str, list[Any]] = {}  # name -> data points
        self.resources: list[dict[str, Any]] = []  # of the metrics
        self.status = 200
        self.delay_s = 0.0
        self.requests = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def environment(self) -> dict[str, str]:
        """The variables that send a program's telemetry here."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        }

    def take(self, path: str, body: bytes) -> None:
        """Decode one request."""
        if path == "/v1/traces":
            traces = ExportTraceServiceRequest.FromString(body)
            spans = [s for r in traces.resource_spans for scope in r.scope_spans for s in scope.spans]
            self.spans += [_received(s, s.start_time_unix_nano, s.end_time_unix_nano, s.name) for s in spans]
        elif path == "/v1/metrics":
            request = ExportMetricsServiceRequest.FromString(body)
            for group in request.resource_metrics:
                self.resources.append({pair.key: _value(pair.value) for pair in group.resource.attributes})
                for metric in (m for scope in group.scope_metrics for m in scope.metrics):
                    kind = metric.WhichOneof("data")
                    points = getattr(metric, kind).data_points if kind else ()
                    self.metrics.setdefault(metric.name, []).extend(points)
        elif path == "/v1/logs":
            logs = ExportLogsServiceRequest.FromString(body)
            records = [x for r in logs.resource_logs for scope in r.scope_logs for x in scope.log_records]
            self.events += [_received(x, x.time_unix_nano, 0, x.event_name) for x in records]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the standard library's name
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            receiver.requests += 1
            time.sleep(receiver.delay_s)
            if receiver.status == 200:
                receiver.take(self.path, body)
            self.send_response(receiver.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler


def _received(item: Any, start: int, end: int, name: str) -> Received:
    attributes = {pair.key: _value(pair.value) for pair in item.attributes}
    parent = getattr(item, "parent_span_id", b"").hex()
    status = getattr(item, "status", None)
    error = status is not None and status.code == status.STATUS_CODE_ERROR
    return Received(name, item.trace_id.hex(), item.span_id.hex(), parent, start, end, error, attributes, time.time())


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind else None
