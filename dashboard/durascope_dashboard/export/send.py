"""Sending OTLP: gRPC or HTTP, retried as the specification says, refused data reported and never dropped in silence."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from durascope_dashboard.exceptions import ExportError, UsageError

TIMEOUT_S = 30.0
ATTEMPTS = 5
MAX_WAIT_S = 30.0
RETRYABLE_HTTP = {408, 429, 502, 503, 504}
SERVICES = {"traces": ("trace", "Trace"), "metrics": ("metrics", "Metrics")}
Sleep = Callable[[float], None]


class Sender(Protocol):
    """Sends one request message (``Export{Trace,Metrics}ServiceRequest``) and returns when it is accepted."""

    def send(self, message: Any) -> None:
        """Raises ExportError with the destination's own words."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


@dataclass(frozen=True)
class Destination:
    """Where to send. ``protocol`` is ``grpc`` or ``http/protobuf``, as in ``OTEL_EXPORTER_OTLP_PROTOCOL``."""

    endpoint: str
    protocol: str = "grpc"
    headers: Mapping[str, str] = field(default_factory=dict)
    signal: str = "traces"

    def open(self, sleep: Sleep = time.sleep) -> Sender:
        """Connect lazily. Raises UsageError for a protocol or endpoint that cannot be used."""
        if not urlsplit(self.endpoint).hostname:
            raise UsageError(
                f"{self.endpoint!r} is not an OTLP endpoint; write it as a URL, for example http://127.0.0.1:4317"
            )
        if self.protocol == "grpc":
            return _Grpc(self, sleep)
        if self.protocol == "http/protobuf":
            return _Http(self, sleep)
        raise UsageError(f"the OTLP protocol {self.protocol!r} is not supported; use grpc or http/protobuf")


class _Http:
    def __init__(self, destination: Destination, sleep: Sleep) -> None:
        import httpx

        self._client = httpx.Client(timeout=TIMEOUT_S, headers=dict(destination.headers))
        path = urlsplit(destination.endpoint).path.rstrip("/")
        suffix = f"/v1/{destination.signal}"
        self._url = destination.endpoint.rstrip("/") + ("" if path.endswith(suffix) else suffix)
        self._signal, self._sleep = destination.signal, sleep

    def send(self, message: Any) -> None:
        """See Sender."""
        import gzip

        import httpx

        body = gzip.compress(message.SerializeToString(), 1)
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
        reason = ""
        for attempt in range(ATTEMPTS):
            wait = float(2**attempt)
            try:
                answer = self._client.post(self._url, content=body, headers=headers)
            except httpx.HTTPError as error:
                reason = str(error) or type(error).__name__
            else:
                if answer.is_success:
                    _check_partial(_response(self._signal).FromString(answer.content), self._url)
                    return
                reason = f"HTTP {answer.status_code} {answer.text[:200]}".strip()
                if answer.status_code not in RETRYABLE_HTTP:
                    break
                wait = _retry_after(answer.headers.get("retry-after"), wait)
            if attempt < ATTEMPTS - 1:
                self._sleep(min(wait, MAX_WAIT_S))
        raise _refused(self._url, reason)

    def close(self) -> None:
        """See Sender."""
        self._client.close()


class _Grpc:
    def __init__(self, destination: Destination, sleep: Sleep) -> None:
        import grpc

        parts = urlsplit(destination.endpoint)
        self._target = f"{parts.hostname}:{parts.port or 4317}"
        credentials = grpc.ssl_channel_credentials()
        secure = parts.scheme == "https"
        self._channel = (
            grpc.secure_channel(self._target, credentials) if secure else grpc.insecure_channel(self._target)
        )
        package, service = SERVICES[destination.signal]
        self._export = self._channel.unary_unary(
            f"/opentelemetry.proto.collector.{package}.v1.{service}Service/Export",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=_response(destination.signal).FromString,
        )
        self._metadata = [(name.lower(), value) for name, value in destination.headers.items()]
        self._sleep = sleep

    def send(self, message: Any) -> None:
        """See Sender."""
        import grpc

        retryable = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED,
                     grpc.StatusCode.ABORTED}  # fmt: skip
        reason = ""
        for attempt in range(ATTEMPTS):
            try:
                answer = self._export(
                    message, timeout=TIMEOUT_S, metadata=self._metadata, compression=grpc.Compression.Gzip
                )
            except grpc.RpcError as error:
                reason = f"{error.code().name} {error.details()}"
                if error.code() not in retryable:
                    break
            else:
                _check_partial(answer, self._target)
                return
            if attempt < ATTEMPTS - 1:
                self._sleep(min(float(2**attempt), MAX_WAIT_S))
        raise _refused(self._target, reason)

    def close(self) -> None:
        """See Sender."""
        self._channel.close()


def _response(signal: str) -> Any:
    if signal == "metrics":
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

        return ExportMetricsServiceResponse
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    return ExportTraceServiceResponse


def _check_partial(answer: Any, where: str) -> None:
    partial = answer.partial_success
    rejected = getattr(partial, "rejected_spans", 0) or getattr(partial, "rejected_data_points", 0)
    if rejected:
        raise ExportError(f"{where} took the request but rejected {rejected} of its items: {partial.error_message}")


def _retry_after(value: str | None, default: float) -> float:
    try:
        return float(value) if value is not None else default
    except ValueError:
        return default  # an HTTP date: rare here, and the backoff is bounded anyway


def _refused(where: str, reason: str) -> ExportError:
    return ExportError(
        f"{where} did not take the export ({reason}); check the endpoint and --protocol, then run it again"
    )
