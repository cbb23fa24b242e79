"""OTLP over HTTP and gRPC as the standard ``OTEL_EXPORTER_OTLP_*`` variables say; one request a call, no retries.

The buffer in front tries again, so nothing here does. HTTP is sent with urllib3: the SDK's exporter goes through
requests, which costs three times as much a request (benchmarks/overhead.py, docs/decisions/0014).
"""

import gzip
import logging
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY as SUPPRESS
from opentelemetry.context import attach, detach, set_value
from opentelemetry.util.re import parse_env_headers

from durascope import __version__

GRPC_PORT: Final = 4317
HTTP_ENDPOINT: Final = "http://localhost:4318"
TIMEOUT_S: Final = 10.0
PATHS: Final = {"TRACES": "v1/traces", "LOGS": "v1/logs"}
COMPRESSIONS: Final[dict[str, Callable[[bytes], bytes]]] = {"gzip": gzip.compress, "deflate": zlib.compress}

logger = logging.getLogger("durascope")


def variable(signal: str, name: str) -> str:
    """A variable of the OTLP exporters: the signal's own, else the one for all; empty if unset."""
    return os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}_{name}") or os.environ.get(f"OTEL_EXPORTER_OTLP_{name}") or ""


def uses_http(signal: str) -> bool:
    """Whether OTLP for this signal goes over HTTP rather than gRPC."""
    protocol = variable(signal, "PROTOCOL")
    if protocol:
        return protocol.startswith("http")
    # The specification's default is HTTP; an endpoint on gRPC's own port says otherwise.
    return urlsplit(variable(signal, "ENDPOINT")).port != GRPC_PORT


def http_url(signal: str) -> str:
    """Where this signal goes over HTTP."""
    own = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    return own or f"{(variable(signal, 'ENDPOINT') or HTTP_ENDPOINT).rstrip('/')}/{PATHS[signal]}"


@contextmanager
def _unobserved() -> Iterator[None]:
    # Instrumentations of HTTP and gRPC clients honour this key, so that an export is never traced itself.
    token = attach(set_value(SUPPRESS, True))
    try:
        yield
    finally:
        detach(token)


class Http:
    """Sends what ``encode`` makes of items; whether the collector took them."""

    def __init__(self, signal: str, encode: Callable[[Sequence[Any]], bytes]) -> None:
        self._encode = encode
        self._url = http_url(signal)
        self._headers = {
            "user-agent": f"Durascope/{__version__}",
            **parse_env_headers(variable(signal, "HEADERS"), liberal=True),
            "content-type": "application/x-protobuf",
        }
        compression = variable(signal, "COMPRESSION").strip().lower()
        self._compress = COMPRESSIONS.get(compression)
        if self._compress is not None:
            self._headers["content-encoding"] = compression
        self._post = _post(self._url, signal)
        self._failing = False

    def __call__(self, items: Sequence[Any]) -> bool:
        """Send them in one request."""
        body = self._encode(items)
        if self._compress is not None:
            body = self._compress(body)
        try:
            with _unobserved():
                status = self._post(body, self._headers)
        except urllib3.exceptions.HTTPError as error:
            return self._failed(type(error).__name__)
        if not 200 <= status < 300:
            return self._failed(f"HTTP {status}")
        self._failing = False
        return True

    def _failed(self, why: str) -> bool:
        if not self._failing:
            parts = urlsplit(self._url)  # without a user's name or a query, which may be secret
            where = f"{parts.scheme}://{parts.hostname}:{parts.port or ''}{parts.path}"
            logger.warning("%s takes no telemetry now (%s); it is kept and sent again", where, why)
        self._failing = True
        return False


def _post(url: str, signal: str) -> Callable[[bytes, dict[str, str]], int]:
    """Sends a body and tells the status, with the certificates, time limit and proxy that the environment names."""
    parts = urlsplit(url)
    settings: dict[str, Any] = {
        "retries": False,
        "timeout": _seconds(variable(signal, "TIMEOUT")),
        "ca_certs": variable(signal, "CERTIFICATE") or os.environ.get("REQUESTS_CA_BUNDLE") or None,
        "cert_file": variable(signal, "CLIENT_CERTIFICATE") or None,
        "key_file": variable(signal, "CLIENT_KEY") or None,
    }
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy and not proxy_bypass(parts.hostname or ""):
        through = urllib3.ProxyManager(proxy, **settings)
        return lambda body, headers: through.request("POST", url, body=body, headers=headers, redirect=False).status
    # One pool, asked directly: finding it by its URL again for each request costs a quarter of the request.
    pool = urllib3.PoolManager(**settings).connection_from_url(url)
    path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    return lambda body, headers: pool.urlopen("POST", path, body=body, headers=headers, redirect=False).status


def _seconds(said: str) -> float:
    try:
        return float(said or TIMEOUT_S)
    except ValueError:
        logger.warning("OTEL_EXPORTER_OTLP_TIMEOUT is not a number of seconds; %.0f are taken", TIMEOUT_S)
        return TIMEOUT_S


def by_exporter(exporter: Any, convert: Callable[[Any], Any]) -> Callable[[Sequence[Any]], bool]:
    """Sends with an exporter of the SDK's, as gRPC does."""

    def send(items: Sequence[Any]) -> bool:
        with _unobserved():
            return bool(exporter.export([convert(each) for each in items]).name == "SUCCESS")

    return send
