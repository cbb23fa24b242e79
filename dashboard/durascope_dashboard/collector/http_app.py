"""OTLP over HTTP, the health check and the read API, on one port.

POST /v1/traces /v1/logs /v1/metrics      OTLP: protobuf or JSON, gzip or deflate
GET  /api/v1/query/{name}                 Arrow IPC stream or JSON
GET  /api/v1/runs  /api/v1/runs/{id}      the objects that `durascope runs` and `show` print
GET  /healthz
GET  /metrics                             the fleet's metrics, OpenMetrics
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from durascope_dashboard.collector.otlp import MalformedRequest
from durascope_dashboard.collector.payloads import Budget, Overloaded, PayloadTooLarge, UnsupportedPayload
from durascope_dashboard.collector.read_api import ReadApi
from durascope_dashboard.collector.receiver import Receiver

Health = Callable[[], dict[str, Any]]


def _refusal(error: Exception) -> Response:
    """The OTLP answer to a request that was not stored: 4xx is never sent again, 429 and 503 are."""
    if isinstance(error, Overloaded):
        return JSONResponse({"message": str(error)}, 429, {"Retry-After": str(error.retry_after_s)})
    statuses: dict[type[Exception], int] = {MalformedRequest: 400, PayloadTooLarge: 413, UnsupportedPayload: 415}
    status = statuses.get(type(error))
    if status is not None:
        return JSONResponse({"message": str(error)}, status)
    return JSONResponse({"message": f"not stored ({error})"}, 503, {"Retry-After": "5"})


def _otlp(receiver: Receiver, signal: str) -> Callable[[Request], Awaitable[Response]]:
    async def receive(request: Request) -> Response:
        content_type = request.headers.get("content-type", "").split(";")[0].strip()
        held = _Held(receiver.budget)
        try:
            body = await _body(request, receiver.max_body_bytes, held)
            answer = await receiver.receive(signal, body, content_type, request.headers.get("content-encoding", ""))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except Exception as error:  # also when the commit failed: the sender must know that nothing is stored
            return _refusal(error)
        finally:
            held.give()
        return Response(answer, media_type=content_type)

    return receive


class _Held:
    """What one request holds of the budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.size = 0

    def take(self, size: int) -> None:
        self._budget.take(size)
        self.size += size

    def give(self) -> None:
        self._budget.give(self.size)


async def _body(request: Request, limit: int, held: _Held) -> bytes:
    chunks = []
    async for chunk in request.stream():
        held.take(len(chunk))
        if held.size > limit:
            raise PayloadTooLarge(f"the body is larger than {limit} bytes; send smaller batches")
        chunks.append(chunk)
    return b"".join(chunks)


def build_app(receiver: Receiver, api: ReadApi, health: Health, more: Sequence[Route] = ()) -> Starlette:
    """The ASGI application of the collector's HTTP port; ``more`` are routes of other parts (`/metrics`)."""

    async def healthz(request: Request) -> Response:
        found = health()
        return JSONResponse(found, 200 if found.get("status") == "ready" else 503)

    posts = [Route(f"/v1/{signal}", _otlp(receiver, signal), methods=["POST"]) for signal in receiver.signals]
    return Starlette(routes=[*posts, Route("/healthz", healthz), *more, *api.routes()])
