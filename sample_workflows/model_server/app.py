"""The HTTP side of the scripted server: parse, choose a rule, wait as long as a model would, answer, record."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from sample_workflows.model_server.answers import Broken, Fault
from sample_workflows.model_server.exchange import Exchange, error_body
from sample_workflows.model_server.latency import INSTANT, Latency
from sample_workflows.model_server.log import RequestLog
from sample_workflows.model_server.request import Endpoint, fingerprint, parse
from sample_workflows.model_server.rules import Rule, choose

CLIENT_CLOSED = 499
POLL_S = 0.05


@dataclass
class ModelApp:
    """State of one server: the script, the seed, and the log of what was asked."""

    rules: Sequence[Rule] = ()
    seed: int = 0
    latency: Latency = INSTANT
    log: RequestLog = field(default_factory=RequestLog)
    _seen: Counter[str] = field(default_factory=Counter)
    _number: int = 0

    def starlette(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/v1/responses", self._responses, methods=["POST"]),
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1/models", self._models),
                Route("/log", self._log),
            ]
        )

    async def _responses(self, request: Request) -> Response:
        return await self._answer("responses", request)

    async def _chat(self, request: Request) -> Response:
        return await self._answer("chat", request)

    async def _models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": []})

    async def _log(self, request: Request) -> Response:
        """Every request so far; ``?after=N`` only those with a higher number."""
        after = int(request.query_params.get("after", 0))
        return JSONResponse([record.as_json() for record in self.log if record.number > after])

    async def _answer(self, endpoint: Endpoint, http: Request) -> Response:
        started = time.time()
        try:
            body = json.loads(await http.body())
        except (ValueError, ClientDisconnect):
            return JSONResponse(error_body(Fault(400, message="the request body is not JSON")), 400)
        mark = fingerprint(endpoint, body)
        request = parse(endpoint, body, dict(http.headers), self._seen[mark])
        self._seen[mark] += 1
        self._number += 1
        exchange = Exchange(self._number, request, choose(self.rules, request, self.seed), self.seed, started)
        first, rest = exchange.delay(self.latency)
        streams = request.stream and not isinstance(exchange.answer, Fault)
        if await _wait(http, first if streams else first + rest):
            self.log.append(exchange.record(CLIENT_CLOSED))
            return Response(status_code=CLIENT_CLOSED)
        if streams:
            return StreamedAnswer(exchange, rest, self.log)
        return WholeAnswer(exchange, self.log)


class WholeAnswer(Response):
    """One JSON body. Recorded before it is sent, so that a client that has its answer finds it in the log."""

    def __init__(self, exchange: Exchange, log: RequestLog) -> None:
        super().__init__(exchange.body(), exchange.status, exchange.headers, "application/json")
        self._cut = _is_cut(exchange)
        log.append(exchange.record(exchange.status))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; a cut answer promises its whole length, sends half and returns, which closes the connection."""
        if not self._cut:
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        half = self.body[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})


class StreamedAnswer(Response):
    """Server-sent events, spread over the time that the model takes."""

    def __init__(self, exchange: Exchange, seconds: float, log: RequestLog) -> None:
        super().__init__(None, 200, exchange.headers, "text/event-stream")
        del self.headers["content-length"]
        self._exchange, self._seconds, self._log = exchange, seconds, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all events, or the first half of them for an answer that is to break."""
        events = list(self._exchange.events())
        broken = isinstance(self._exchange.answer, Broken)
        http = Request(scope, receive)
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        for number, event in enumerate(events):
            if broken and number > len(events) // 2:
                break
            if number == len(events) - 1:
                self._log.append(self._exchange.record(200))  # before the last: as for a whole answer
            elif await _wait(http, self._seconds / len(events)):
                self._log.append(self._exchange.record(CLIENT_CLOSED))
                return
            await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
        if broken:
            self._log.append(self._exchange.record(200))
        if not _is_cut(self._exchange):
            malformed = b"data: {not json\n\n" if broken else b""
            await send({"type": "http.response.body", "body": malformed, "more_body": False})


def _is_cut(exchange: Exchange) -> bool:
    return isinstance(exchange.answer, Broken) and exchange.answer.how == "cut"


async def _wait(http: Request, seconds: float) -> bool:
    """Sleep like a thinking model; True as soon as the client has gone."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        await asyncio.sleep(min(left, POLL_S))
        if await http.is_disconnected():
            return True
    return False
