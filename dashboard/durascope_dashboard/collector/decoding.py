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
from durascope_dashboard.collector.payloads import JSON, Budget, Hold, inflate

log = logging.getLogger("durascope.collector")

MAX_BATCH_BYTES: Final = 4 << 20  # as inflated; the body that reaches it is the batch's last
GATHER_S: Final = 0.04  # between two batches: under load they are larger and cost less a span, else nobody waits
_STOP: Final = object()


@dataclass
class Waiting:
    """One request that waits to be decoded. ``hold`` holds its body already, and will hold what that inflates to."""

    signal: str
    body: bytes
    content_type: str
    encoding: str
    hold: Hold = field(default_factory=lambda: Hold(Budget()))
    done: "Future[Decoded]" = field(default_factory=Future)

    def __post_init__(self) -> None:
        self.done.set_running_or_notify_cancel()  # not to be cancelled: who sent it may go, it is stored all the same

    def unpack(self) -> None:
        """Make the body plain protobuf. Raises Overloaded and what ``inflate`` and ``json_request`` raise."""
        body = inflate(self.body, self.encoding, self.hold.take)
        self.body = json_request(body, _REQUESTS[self.signal]) if self.content_type == JSON else body


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
        """Queue one request. The future fails as ``unpack``, ``decode_traces`` and ``Ingest.submit`` do."""
        self._ingest.unsettled.add(waiting.done)
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
            batch, stopping = self._gather(ended + GATHER_S)
            for signal in _DECODE:
                self._decode(signal, [waiting for waiting in batch if waiting.signal == signal])
            ended = time.monotonic()

    def _gather(self, end: float) -> tuple[list[Waiting], bool]:
        """Requests to decode together, unpacked: those that come until ``end``; and whether there will be no more."""
        batch: list[Waiting] = []
        size = 0
        taken = self._queue.get()
        while taken is not _STOP:
            if _unpacked(taken):
                batch.append(taken)
                size += len(taken.body)
                if size >= MAX_BATCH_BYTES:
                    return batch, False
            try:
                taken = self._queue.get(timeout=max(end - time.monotonic(), 0.0))
            except queue.Empty:
                return batch, False
        return batch, True

    def _decode(self, signal: str, batch: Sequence[Waiting]) -> None:
        """Never raises: whatever happens is told to those who wait."""
        if not batch:
            return
        try:
            decoded = _DECODE[signal](*(waiting.body for waiting in batch))
            if decoded.rejected and len(batch) > 1:
                raise MalformedRequest("some spans are not valid")
        except Exception as error:
            if len(batch) > 1:  # each for itself: who sent what is wrong is told, and nobody else notices
                for waiting in batch:
                    self._decode(signal, [waiting])
                return
            if not isinstance(error, MalformedRequest):
                log.exception("a %s request could not be decoded", signal)
                error = MalformedRequest(f"the request cannot be decoded ({type(error).__name__}: {error})")
            self._answer(signal, batch, error)
            return
        self._store(signal, batch, decoded)

    def _store(self, signal: str, batch: Sequence[Waiting], decoded: Decoded) -> None:
        if not decoded.tables():
            self._answer(signal, batch, decoded)
            return
        try:
            committed = self._ingest.submit(decoded)
        except Exception as error:
            self._answer(signal, batch, error)
            return
        committed.add_done_callback(lambda future: self._answer(signal, batch, future.exception() or decoded))

    def _answer(self, signal: str, batch: Sequence[Waiting], answer: Decoded | BaseException) -> None:
        """Tell those who wait, and count what is stored now."""
        if isinstance(answer, BaseException):
            for waiting in batch:
                waiting.done.set_exception(answer)
            return
        counters = self._ingest.counters
        if signal == "metrics":
            counters.metric_requests += len(batch)
        if signal == "logs":
            counters.events += answer.accepted
        for waiting in batch:
            waiting.done.set_result(answer)


def _unpacked(waiting: Waiting) -> bool:
    """Whether it could be unpacked; its sender has been told if not."""
    try:
        waiting.unpack()
    except Exception as error:
        waiting.done.set_exception(error)
        return False
    return True
