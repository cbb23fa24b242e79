"""OTLP over HTTP and gRPC; one request a call, no retries, and what became of it.

The buffer in front tries again, so nothing here does. HTTP is sent with urllib3: the SDK's exporter goes through
requests, which costs three times as much a request (benchmarks/overhead.py, docs/decisions/0014). For gRPC the SDK's
exporter makes the channel, with its credentials and options; it is asked nothing else, since it retries by itself and
does not tell a batch that is too large from a collector that is away.
"""

import gzip
import logging
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import urllib3
from google.protobuf.message import DecodeError, Message
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY as SUPPRESS
from opentelemetry.context import attach, detach, set_value
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from durascope import __version__, _endpoint
from durascope._buffer import AGAIN, HOPELESS, TAKEN, Answer


class Service(NamedTuple):
    """What answers a signal's requests: its method over gRPC, its message, and where that counts what it rejected."""

    method: str
    response: type[Message]
    rejected: str


_COLLECTOR: Final = "/opentelemetry.proto.collector"
SERVICES: Final = {
    "TRACES": Service(f"{_COLLECTOR}.trace.v1.TraceService/Export", ExportTraceServiceResponse, "rejected_spans"),
    "LOGS": Service(f"{_COLLECTOR}.logs.v1.LogsService/Export", ExportLogsServiceResponse, "rejected_log_records"),
    "METRICS": Service(
        f"{_COLLECTOR}.metrics.v1.MetricsService/Export", ExportMetricsServiceResponse, "rejected_data_points"
    ),
}
COMPRESS: Final[dict[str, Callable[[bytes], bytes]]] = {"gzip": gzip.compress, "deflate": zlib.compress}
HOPELESS_STATUS: Final = frozenset({400, 413, 422})  # malformed, too large: the same again is refused again

logger = logging.getLogger("durascope")
Encode = Callable[[Sequence[Any]], bytes]


class Sender:
    """Sends what ``encode`` makes of items; a collector that stops taking them is named once."""

    def __init__(self, signal: str, encode: Encode, where: str) -> None:
        self._service = SERVICES[signal]
        self._encode = encode
        self._where = where
        self._failing = False

    def __call__(self, items: Sequence[Any]) -> Answer:
        """Send them in one request."""
        body = self._encode(items)
        with _unobserved():
            answer, why = self._send(body)
        if answer.taken:
            self._failing = False
        elif not self._failing:
            self._failing = True
            what = "refuses telemetry" if answer.hopeless else "takes no telemetry now"
            then = "what it refuses by itself is dropped" if answer.hopeless else "it is kept and sent again"
            logger.warning("%s %s (%s); %s", self._where, what, why, then)
        if answer.rejected:
            logger.warning("%s has rejected %d of %d: %s", self._where, answer.rejected, len(items), why)
        return answer

    def _send(self, body: bytes) -> tuple[Answer, str]:
        """What became of it, and why."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the connections."""

    def _taken(self, response: Message) -> tuple[Answer, str]:
        partial = getattr(response, "partial_success", None)
        rejected = int(getattr(partial, self._service.rejected, 0))
        return (Answer(True, rejected), partial.error_message) if partial is not None and rejected else (TAKEN, "")


def sender(signal: str, encode: Encode) -> Sender:
    """As the variables say."""
    return Http(signal, encode) if _endpoint.uses_http(signal) else Grpc(signal, encode)


@contextmanager
def _unobserved() -> Iterator[None]:
    # Instrumentations of HTTP and gRPC clients honour this key, so that an export is never traced itself.
    token = attach(set_value(SUPPRESS, True))
    try:
        yield
    finally:
        detach(token)


class Http(Sender):
    """Over HTTP, on connections that are kept."""

    def __init__(self, signal: str, encode: Encode) -> None:
        url = _endpoint.http_url(signal)
        parts = urlsplit(url)
        super().__init__(signal, encode, f"{parts.scheme}://{parts.hostname}:{parts.port or ''}{parts.path}")
        compression = _endpoint.compression(signal, http=True)
        self._compress = COMPRESS.get(compression)
        self._headers = {
            "user-agent": f"Durascope/{__version__}",
            **_endpoint.headers(signal, url),
            "content-type": "application/x-protobuf",
            **({"content-encoding": compression} if compression else {}),
        }
        self._post, self._close = _post(url, signal)

    def close(self) -> None:
        """See base class."""
        self._close()

    def _send(self, body: bytes) -> tuple[Answer, str]:
        if self._compress is not None:
            body = self._compress(body)
        try:
            response = self._post(body, self._headers)
        except (urllib3.exceptions.HTTPError, OSError) as error:  # OSError: certificates
            return AGAIN, type(error).__name__
        if not 200 <= response.status < 300:
            return HOPELESS if response.status in HOPELESS_STATUS else AGAIN, f"HTTP {response.status}"
        if not response.data:
            return TAKEN, ""
        try:
            return self._taken(self._service.response.FromString(response.data))
        except DecodeError:  # not in the words of OTLP: a proxy's, say
            return TAKEN, ""


def _post(
    url: str, signal: str
) -> tuple[Callable[[bytes, dict[str, str]], urllib3.BaseHTTPResponse], Callable[[], None]]:
    """Sends a body, with the certificates, time limit and proxy that the environment names; and what ends that."""
    parts = urlsplit(url)
    parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    settings: dict[str, Any] = {
        "retries": False,
        "timeout": _endpoint.timeout_s(signal),
        "ca_certs": _endpoint.file(signal, "CERTIFICATE") or os.environ.get("REQUESTS_CA_BUNDLE") or None,
        "cert_file": _endpoint.file(signal, "CLIENT_CERTIFICATE"),
        "key_file": _endpoint.file(signal, "CLIENT_KEY"),
    }
    proxy, url = _endpoint.proxy(url), urlunsplit(parts)
    if proxy is not None:
        through = urllib3.ProxyManager(proxy.url, proxy_headers=proxy.headers, **settings)
        return lambda body, headers: through.request(
            "POST", url, body=body, headers=headers, redirect=False
        ), through.clear
    # One pool, asked directly: finding it by its URL again for each request costs a quarter of the request.
    pool = urllib3.PoolManager(**settings).connection_from_url(url)
    path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    return lambda body, headers: pool.urlopen("POST", path, body=body, headers=headers, redirect=False), pool.close


class Grpc(Sender):
    """Over gRPC."""

    def __init__(self, signal: str, encode: Encode) -> None:
        from grpc import Compression, RpcError

        kind = Compression.Gzip if _endpoint.compression(signal, http=False) else Compression.NoCompression
        endpoint = _endpoint.variable(signal, "ENDPOINT") or None
        self._timeout_s = _endpoint.timeout_s(signal)
        exporter = _grpc_exporter(signal)(endpoint=endpoint, timeout=self._timeout_s, compression=kind)
        super().__init__(signal, encode, _endpoint.hidden(endpoint or "localhost:4317"))
        self._error: type[Exception] = RpcError
        self._metadata = tuple(_endpoint.headers(signal).items())
        self._call = exporter._channel.unary_unary(
            self._service.method, response_deserializer=self._service.response.FromString
        )
        self._exporter = exporter

    def _send(self, body: bytes) -> tuple[Answer, str]:
        try:
            response = self._call(body, metadata=self._metadata, timeout=self._timeout_s)
        except self._error as error:
            code = str(getattr(error, "code", lambda: None)()).removeprefix("StatusCode.")
            return HOPELESS if self._is_hopeless(code, error) else AGAIN, code
        return self._taken(response)

    def _is_hopeless(self, code: str, error: Any) -> bool:
        # By OTLP's specification: a server that has no room just now says when to come again.
        exhausted = code == "RESOURCE_EXHAUSTED" and not any(map(_says_when, error.trailing_metadata() or ()))
        return exhausted or code == "INVALID_ARGUMENT"

    def close(self) -> None:
        """See base class."""
        self._exporter.shutdown()


def _says_when(trailing: tuple[str, Any]) -> bool:
    """Whether it is a RetryInfo, by its own name or among the details of a status."""
    name, value = trailing
    return name == "google.rpc.retryinfo-bin" or (
        name == "grpc-status-details-bin" and b"/google.rpc.RetryInfo" in bytes(value)
    )


def _grpc_exporter(signal: str) -> Callable[..., Any]:
    if signal == "TRACES":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter
    if signal == "LOGS":
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter

        return OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter

    return OTLPMetricExporter
