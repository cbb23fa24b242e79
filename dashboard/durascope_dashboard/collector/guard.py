"""Who may ask: Host and Origin are checked against a page that rebinds its DNS name to this address, and the token.

A collector on loopback has no token by default, and any web page may *send* requests to loopback. So a request must
name the collector by an address or by a name that no public page can have, and must not come from another origin.
"""

import hmac
import ipaddress
from collections.abc import Iterable
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from durascope_dashboard.collector.bodies import problem
from durascope_dashboard.collector.payloads import media_type
from durascope_dashboard.collector.settings import Access

_OPEN: Final = "/healthz"  # a probe has no token; it then learns nothing but that this is up


def host_name(authority: str) -> str:
    """The name in ``name:port``, ``[::1]:port`` or ``name``, in lower case."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    return authority.rpartition(":")[0].lower() if ":" in authority else authority.lower()


def is_ours(authority: str, hosts: Iterable[str]) -> bool:
    """Whether a Host header is an address, this machine, a name without a dot (a container's) or one of ``hosts``."""
    name = host_name(authority).rstrip(".")
    if name in {host.lower() for host in hosts} or name.endswith(".localhost"):
        return True
    if name and "." not in name and ":" not in name:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def token_matches(given: str | None, token: str) -> bool:
    """Whether an Authorization header carries the bearer token; compared in constant time."""
    scheme, _, value = (given or "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(value.strip().encode(), token.encode())


class Guard:
    """ASGI middleware that refuses before anything is read."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refusal = self._refusal(scope["path"], Headers(scope=scope))
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, path: str, headers: Headers) -> Response | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        of = media_type(headers.get("content-type", ""))
        if origin is not None and origin.partition("://")[2] != host:
            return _error(of, 403, f"requests from the origin {origin[:100]!r} are not answered")
        if self._access.token is not None:  # a page that rebound its name does not know it
            if token_matches(headers.get("authorization"), self._access.token):
                return None
            if path == _OPEN:
                return JSONResponse({"status": "up"})
            return _error(of, 401, "this collector needs its bearer token; set DURASCOPE_TOKEN", "Bearer")
        if not is_ours(host, self._access.hosts):
            return _error(
                of, 421, f"{host[:100]!r} is not a name of this collector; if it is, start it with --allow-host"
            )
        return None


def _error(content_type: str, status: int, sentence: str, challenge: str | None = None) -> Response:
    headers = {"WWW-Authenticate": challenge} if challenge else None
    return problem(status, sentence, content_type, headers, error=sentence, type="Refused")
