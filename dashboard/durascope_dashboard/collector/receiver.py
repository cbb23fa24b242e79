"""One OTLP request, from body bytes to the acknowledgement: the same for HTTP and gRPC."""

import asyncio

from google.protobuf import json_format
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from durascope_dashboard.collector.decoding import Decoder, Waiting
from durascope_dashboard.collector.ingest import Ingest
from durascope_dashboard.collector.otlp import Decoded
from durascope_dashboard.collector.payloads import JSON, MAX_BODY_BYTES, PROTOBUF, Budget, Hold, check_type


class Receiver:
    """Takes requests while there is room for them, and answers when their rows are committed."""

    signals = ("traces", "logs", "metrics")

    def __init__(self, ingest: Ingest, *, max_body_bytes: int = MAX_BODY_BYTES, budget: Budget | None = None) -> None:
        self.max_body_bytes = max_body_bytes
        self.budget = budget or Budget()
        self._ingest = ingest
        self._decoder = Decoder(ingest)

    async def receive(self, signal: str, body: bytes, content_type: str, encoding: str, hold: Hold) -> bytes:
        """Store one HTTP request, whose bytes ``hold`` holds; returns the response body when it is committed.

        Raises what ``bodies.refusal`` answers.
        """
        check_type(content_type)
        self._ingest.check_room()
        done = self._decoder.submit(Waiting(signal, body, content_type, encoding, hold))
        response = _response(signal, await asyncio.wrap_future(done))
        if content_type == JSON:
            return json_format.MessageToJson(response, indent=None).encode()
        return response.SerializeToString()

    def receive_blocking(self, signal: str, body: bytes) -> bytes:
        """Store one gRPC request, already inflated by gRPC; returns the response when it is committed."""
        self._ingest.check_room()
        hold = Hold(self.budget)
        hold.take(len(body))
        try:
            decoded = self._decoder.submit(Waiting(signal, body, PROTOBUF, "", hold)).result()
        finally:
            hold.give()
        return _response(signal, decoded).SerializeToString()

    def close(self) -> None:
        """Decode what waits."""
        self._decoder.close()


def _response(signal: str, decoded: Decoded) -> Message:
    if signal == "traces":
        response = ExportTraceServiceResponse()
        if decoded.rejected:
            response.partial_success.rejected_spans = decoded.rejected
            response.partial_success.error_message = decoded.reason
        return response
    return ExportLogsServiceResponse() if signal == "logs" else ExportMetricsServiceResponse()
