"""OTLP over HTTP, the health check and the read API, on one port.

POST /v1/traces /v1/logs /v1/metrics      OTLP: protobuf or JSON, gzip or deflate
GET  /api/v1/query/{name}                 Arrow IPC stream or JSON
GET  /api/v1/runs  /api/v1/runs/{id}      the objects that `durascope runs` and `show` print
POST /api/v1/histories                    histories that `durascope backfill` and `import` have read
GET  /healthz
GET  /metrics                             the fleet's metrics, OpenMetrics
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from durascope_dashboard.collector.bodies import read_body, refusal
from durascope_dashboard.collector.payloads import Hold, media_type
from durascope_dashboard.collector.read_api import ReadApi
from durascope_dashboard.collector.receiver import Receiver

Health = Callable[[], dict[str, Any]]


def _otlp(receiver: Receiver, signal: str) -> Callable[[Request], Awaitable[Response]]:
    async def receive(request: Request) -> Response:
        content_type = media_type(request.headers.get("content-type", ""))
        encoding = request.headers.get("content-encoding", "")
        hold = Hold(receiver.budget)
        try:
            body = await read_body(request, hold, receiver.max_body_bytes)
            answer = await receiver.receive(signal, body, content_type, encoding, hold)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except Exception as error:  # also when the commit failed: the sender must know that nothing is stored
            return refusal(error, content_type)
        finally:
            hold.give()
        return Response(answer, media_type=content_type)

    return receive


def build_app(receiver: Receiver, api: ReadApi, health: Health, more: Sequence[Route] = ()) -> Starlette:
    """The ASGI application of the collector's HTTP port; ``more`` are routes of other parts."""

    async def healthz(request: Request) -> Response:
        found = health()
        return JSONResponse(found, 200 if found.get("status") == "ready" else 503)

    posts = [Route(f"/v1/{signal}", _otlp(receiver, signal), methods=["POST"]) for signal in receiver.signals]
    return Starlette(routes=[*posts, Route("/healthz", healthz), *more, *api.routes()])
