"""The decoder thread: requests that wait are decoded together, so that many small ones cost little more than one.

A request's future is done when its rows are committed; its result is the response's body.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from durascope_dashboard.collector.ingest import Ingest
from durascope_dashboard.collector.otlp import Decoded, MalformedRequest, decode_logs, decode_traces
from durascope_dashboard.collector.otlp_json import json_request
from durascope_dashboard.collector.payloads import JSON, inflate

log = logging.getLogger("durascope.collector")

MAX_BATCH_BYTES: Final = 4 << 20
GATHER_S: Final = 0.04  # between two batches: under load they are larger and cost less a span, else nobody waits
_STOP: Final = object()


@dataclass
class Waiting:
    """One request that waits to be decoded."""

    signal: str
    body: bytes
    content_type: str
    encoding: str
    done: "Future[Decoded]" = field(default_factory=Future)


def _metrics(*bodies: bytes) -> Decoded:
    """Metrics are checked and counted, not stored: Prometheus keeps them."""
    accepted = 0
    for body in bodies:
        try:
            accepted += len(ExportMetricsServiceRequest.FromString(body).resource_metrics)
        except Exception as error:
            raise MalformedRequest(f"the body is not an OTLP metrics request ({error})") from error
    return Decoded(accepted=accepted)


_DECODE: Final[Mapping[str, Callable[..., Decoded]]] = {
    "traces": decode_traces,
    "logs": decode_logs,
    "metrics": _metrics,
}
_REQUESTS: Final[Mapping[str, type[Message]]] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}


class Decoder:
    """Takes requests from any thread, decodes them on its own and queues their rows with the ingest."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="durascope-decode", daemon=True)
        self._thread.start()

    def submit(self, waiting: Waiting) -> "Future[Decoded]":
        """Queue one request. The future fails as ``decode_traces`` and ``Ingest.submit`` do."""
        self._queue.put(waiting)
        return waiting.done

    def close(self) -> None:
        """Decode what waits, then end."""
        self._queue.put(_STOP)
        self._thread.join()

    def _run(self) -> None:
        stopping = False
        ended = 0.0
        while not stopping:
            batch: list[Waiting] = []
            taken = self._queue.get()
            while taken is not _STOP:
                batch.append(taken)
                if sum(len(waiting.body) for waiting in batch) >= MAX_BATCH_BYTES:
                    break
                try:
                    taken = self._queue.get(timeout=max(ended + GATHER_S - time.monotonic(), 0.0))
                except queue.Empty:
                    break
            stopping = taken is _STOP
            for signal in _DECODE:
                self._decode(signal, [waiting for waiting in batch if waiting.signal == signal])
            ended = time.monotonic()

    def _decode(self, signal: str, batch: Sequence[Waiting]) -> None:
        ready = [(waiting, body) for waiting in batch if (body := self._prepared(waiting)) is not None]
        if not ready:
            return
        try:
            decoded = _DECODE[signal](*(body for _, body in ready))
            if decoded.rejected and len(ready) > 1:
                raise MalformedRequest("some spans are not valid")
        except Exception as error:
            if len(ready) > 1:  # each for itself: who sent what is wrong is told, and nobody else notices
                for waiting in batch:
                    if not waiting.done.done():
                        self._decode(signal, [waiting])
                return
            if not isinstance(error, MalformedRequest):
                log.exception("a %s request could not be decoded", signal)
                error = MalformedRequest(f"the request cannot be decoded ({type(error).__name__}: {error})")
            ready[0][0].done.set_exception(error)
            return
        self._store(signal, [waiting for waiting, _ in ready], decoded)

    def _prepared(self, waiting: Waiting) -> bytes | None:
        """The body as plain protobuf; None if it is none, which the sender is told."""
        try:
            body = inflate(waiting.body, waiting.encoding)
            return json_request(body, _REQUESTS[waiting.signal]) if waiting.content_type == JSON else body
        except Exception as error:
            waiting.done.set_exception(error)
            return None

    def _store(self, signal: str, batch: Sequence[Waiting], decoded: Decoded) -> None:
        counters = self._ingest.counters
        if signal == "metrics":
            counters.metric_requests += len(batch)
        if signal == "logs":
            counters.events += decoded.accepted
        if not decoded.tables():
            _settle(batch, decoded, None)
            return
        try:
            committed = self._ingest.submit(decoded)
        except Exception as error:
            _settle(batch, decoded, error)
            return
        committed.add_done_callback(lambda future: _settle(batch, decoded, future.exception()))


def _settle(batch: Sequence[Waiting], decoded: Decoded, error: BaseException | None) -> None:
    for waiting in batch:
        if error is None:
            waiting.done.set_result(decoded)
        else:
            waiting.done.set_exception(error)
