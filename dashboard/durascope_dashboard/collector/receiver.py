"""One OTLP request, from body bytes to the acknowledgement: the same for HTTP and gRPC.

Inflating and decoding run on one thread of their own, so that neither the event loop nor the writer waits for them.
"""

import asyncio
import zlib
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from google.protobuf import json_format
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from durascope_dashboard.collector.ingest import Ingest
from durascope_dashboard.collector.otlp import Decoded, MalformedRequest, decode_logs, decode_traces
from durascope_dashboard.collector.otlp_json import json_request

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
MAX_BODY_BYTES = 16 << 20
MAX_INFLATED_BYTES = 64 << 20


class PayloadTooLarge(ValueError):
    """More bytes than the collector takes in one request."""


class UnsupportedPayload(ValueError):
    """A content type or encoding that the collector does not read."""


def inflate(body: bytes, encoding: str, limit: int = MAX_INFLATED_BYTES) -> bytes:
    """Undo ``Content-Encoding``. Raises UnsupportedPayload, PayloadTooLarge or MalformedRequest."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise UnsupportedPayload(f"the content encoding {encoding[:40]!r} is not supported; send gzip, deflate or none")
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)  # both headers are recognised
    try:
        inflated = decoder.decompress(body, limit)
    except zlib.error as error:
        raise MalformedRequest(f"the body is not valid {encoding} ({error})") from error
    if decoder.unconsumed_tail:
        raise PayloadTooLarge(f"the body inflates to more than {limit} bytes; send smaller batches")
    if not decoder.eof:
        raise MalformedRequest(f"the {encoding} body ends too early")
    return inflated


def _metrics(body: bytes) -> Decoded:
    """Metrics are checked and counted, not stored: Prometheus keeps them (see the Grafana part)."""
    try:
        request = ExportMetricsServiceRequest.FromString(body)
    except Exception as error:
        raise MalformedRequest(f"the body is not an OTLP metrics request ({error})") from error
    return Decoded(accepted=len(request.resource_metrics))


class Receiver:
    """Decodes requests and queues their rows with the ingest."""

    signals = ("traces", "logs", "metrics")
    _DECODE: Final = {"traces": decode_traces, "logs": decode_logs, "metrics": _metrics}
    _REQUESTS: Final = {
        "traces": ExportTraceServiceRequest,
        "logs": ExportLogsServiceRequest,
        "metrics": ExportMetricsServiceRequest,
    }

    def __init__(self, ingest: Ingest, *, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self.max_body_bytes = max_body_bytes
        self._ingest = ingest
        self._decoder = ThreadPoolExecutor(1, thread_name_prefix="durascope-decode")

    async def receive(self, signal: str, body: bytes, content_type: str, encoding: str) -> bytes:
        """Store one HTTP request; returns the response body when it is committed. Raises what http.py answers."""
        if content_type not in (PROTOBUF, JSON):
            raise UnsupportedPayload(f"the content type {content_type[:80]!r} is not OTLP; send {PROTOBUF} or {JSON}")
        loop = asyncio.get_running_loop()
        decoded = await loop.run_in_executor(self._decoder, self._decode, signal, body, content_type, encoding)
        await asyncio.wrap_future(self._queue(signal, decoded))
        response = _response(signal, decoded)
        if content_type == JSON:
            return json_format.MessageToJson(response, indent=None).encode()
        return response.SerializeToString()

    def receive_blocking(self, signal: str, body: bytes) -> bytes:
        """Store one gRPC request, already inflated by gRPC; returns the response when it is committed."""
        decoded = self._decoder.submit(self._decode, signal, body, PROTOBUF, "").result()
        self._queue(signal, decoded).result()
        return _response(signal, decoded).SerializeToString()

    def _decode(self, signal: str, body: bytes, content_type: str, encoding: str) -> Decoded:
        body = inflate(body, encoding)
        if content_type == JSON:
            body = json_request(body, self._REQUESTS[signal])
        return self._DECODE[signal](body)

    def _queue(self, signal: str, decoded: Decoded) -> "Future[None]":
        counters = self._ingest.counters
        if signal == "metrics":
            counters.metric_requests += 1
        if signal == "logs":
            counters.events += decoded.accepted
        if not decoded.tables():
            done: Future[None] = Future()
            done.set_result(None)
            return done
        return self._ingest.submit(decoded)

    def close(self) -> None:
        """Let running decodes end."""
        self._decoder.shutdown()


def _response(signal: str, decoded: Decoded) -> Message:
    if signal == "traces":
        response = ExportTraceServiceResponse()
        if decoded.rejected:
            response.partial_success.rejected_spans = decoded.rejected
            response.partial_success.error_message = decoded.reason
        return response
    return ExportLogsServiceResponse() if signal == "logs" else ExportMetricsServiceResponse()
