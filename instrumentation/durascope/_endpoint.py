"""Where and how OTLP goes, as the standard ``OTEL_EXPORTER_OTLP_*`` variables say.

A variable that cannot work is named in one warning, and its default is taken: these variables are for all of a
program's telemetry, and none of it is a reason to stop a worker.
"""

import logging
import math
import os
from base64 import b64encode
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from opentelemetry.util.re import parse_env_headers

GRPC_PORT: Final = 4317
HTTP_ENDPOINT: Final = "http://localhost:4318"
TIMEOUT_S: Final = 10.0
PATHS: Final = {"TRACES": "v1/traces", "LOGS": "v1/logs", "METRICS": "v1/metrics"}
PROTOCOLS: Final = ("grpc", "http/protobuf")
COMPRESSIONS: Final = {True: ("gzip", "deflate", "none"), False: ("gzip", "none")}  # over HTTP; over gRPC

logger = logging.getLogger("durascope")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy's URL, and what it wants to hear."""

    url: str
    headers: dict[str, str]


@lru_cache
def _say(name: str, said: str, then: str) -> None:
    """Warn, once a process."""
    logger.warning("%s is %r, %s", name, said, then)


def named(signal: str, name: str) -> tuple[str, str]:
    """A variable of the OTLP exporters, and its value: the signal's own, else the one for all; empty if unset."""
    own, common = f"OTEL_EXPORTER_OTLP_{signal}_{name}", f"OTEL_EXPORTER_OTLP_{name}"
    return (own, os.environ[own]) if os.environ.get(own) else (common, os.environ.get(common) or "")


def variable(signal: str, name: str) -> str:
    """Only the value."""
    return named(signal, name)[1]


def uses_http(signal: str) -> bool:
    """Whether OTLP for this signal goes over HTTP rather than gRPC."""
    name, said = named(signal, "PROTOCOL")
    if said in PROTOCOLS:
        return said != "grpc"
    if said.startswith("http"):
        _say(name, said, "which is not spoken; http/protobuf is")
        return True
    if said:
        _say(name, said, f"which is none of {', '.join(PROTOCOLS)}; the endpoint's port decides")
    # The specification's default is HTTP; an endpoint on gRPC's own port says otherwise.
    parts = _split(variable(signal, "ENDPOINT"))
    return parts is None or parts.port != GRPC_PORT


def _split(url: str) -> SplitResult | None:
    """Its parts, with http:// for a scheme if it has none; None for what is no URL of HTTP's."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, half an IPv6 address
        return None
    return parts if known else None


def http_url(signal: str) -> str:
    """Where this signal goes over HTTP; may hold a user's name and password."""
    name, said = named(signal, "ENDPOINT")
    parts = _split(said or HTTP_ENDPOINT)
    if parts is None:
        _say(name, hidden(said), f"which is no URL; telemetry goes to {HTTP_ENDPOINT}")
        return f"{HTTP_ENDPOINT}/{PATHS[signal]}"
    if said and "://" not in said:
        _say(name, hidden(said), "without http:// or https:// before it; http:// is taken")
    url = urlunsplit(parts)
    return url if name.endswith(f"_{signal}_ENDPOINT") else f"{url.rstrip('/')}/{PATHS[signal]}"


def hidden(url: str) -> str:
    """A URL without a user's name or a query, which may be secret."""
    scheme, slashes, rest = url.partition("://") if "://" in url else ("", "", url)
    return scheme + slashes + rest.partition("?")[0].rpartition("@")[2]


def headers(signal: str, url: str = "") -> dict[str, str]:
    """Those of the variable, and the user that the URL names."""
    parts = urlsplit(url)
    return {**basic("authorization", parts), **parse_env_headers(variable(signal, "HEADERS"), liberal=True)}


def basic(header: str, parts: SplitResult) -> dict[str, str]:
    """A header for a user who is named in a URL; none if there is none."""
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {header: f"Basic {b64encode(pair.encode()).decode()}"}


def compression(signal: str, *, http: bool) -> str:
    """gzip, deflate, or empty for none."""
    name, said = named(signal, "COMPRESSION")
    wanted = said.strip().lower()
    if wanted and wanted not in COMPRESSIONS[http]:
        _say(name, said, f"which is none of {', '.join(COMPRESSIONS[http])}; nothing is compressed")
        return ""
    return wanted if wanted != "none" else ""


def timeout_s(signal: str) -> float:
    """Seconds that a request may take."""
    name, said = named(signal, "TIMEOUT")
    try:
        found = float(said or TIMEOUT_S)
    except ValueError:
        found = 0.0
    if found > 0 and math.isfinite(found):
        return found
    logger.warning("%s is not a number of seconds; %.0f are taken", name, TIMEOUT_S)
    return TIMEOUT_S


def file(signal: str, kind: str) -> str | None:
    """The path of a CERTIFICATE, CLIENT_CERTIFICATE or CLIENT_KEY; None without one that can be read."""
    name, said = named(signal, kind)
    if not said:
        return None
    if os.access(said, os.R_OK) and Path(said).is_file():
        return said
    _say(name, said, "which is no file that can be read; it is left out")
    return None


def proxy(url: str) -> Proxy | None:
    """The proxy on the way to a URL, by the variables that every HTTP client knows."""
    parts = urlsplit(url)
    proxies = getproxies()
    said = proxies.get(parts.scheme) or proxies.get("all")
    if not said or proxy_bypass(parts.hostname or ""):
        return None
    found = _split(said)
    if found is None:
        _say(f"{parts.scheme}_proxy, or all_proxy,", hidden(said), "which is no HTTP proxy; telemetry goes without it")
        return None
    address = urlunsplit(found._replace(netloc=found.netloc.rpartition("@")[2]))
    return Proxy(address, basic("proxy-authorization", found))
