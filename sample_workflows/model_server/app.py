"""The HTTP side of the scripted server: parse, choose a rule, wait as long as a model would, answer, record."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sample_workflows.model_server import chat_api, responses_api
from sample_workflows.model_server.answers import Answer, Fault
from sample_workflows.model_server.latency import INSTANT, Latency
from sample_workflows.model_server.log import LOGGED_HEADERS, RequestLog, RequestRecord
from sample_workflows.model_server.request import Endpoint, ModelRequest, fingerprint, parse
from sample_workflows.model_server.rules import Rule, choose, fraction
from sample_workflows.model_server.usage import Usage, usage_of

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
        return JSONResponse([record.as_json() for record in self.log])

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
        gone = await _wait(http, sum(exchange.delay(self.latency)))
        self.log.append(exchange.record(CLIENT_CLOSED if gone else exchange.status))
        return Response(status_code=CLIENT_CLOSED) if gone else exchange.response()


@dataclass
class Exchange:
    """One request and its answer."""

    number: int
    request: ModelRequest
    rule: Rule
    seed: int
    started: float
    answer: Answer = field(init=False)
    usage: Usage | None = field(init=False)

    def __post_init__(self) -> None:
        self.answer = self.rule.reply(self.request)
        self.usage = None if isinstance(self.answer, Fault) else usage_of(self.request, self.answer)

    @property
    def key(self) -> str:
        """Makes the ids of the response: the same for the same request, but new for each sighting of it."""
        return f"{self.request.fingerprint}{self.request.seen:04x}"

    @property
    def response_id(self) -> str:
        """As the client will see it."""
        return ("chatcmpl-" if self.request.endpoint == "chat" else "resp_") + self.key

    @property
    def status(self) -> int:
        """HTTP status."""
        return self.answer.status if isinstance(self.answer, Fault) else 200

    def delay(self, default: Latency) -> tuple[float, float]:
        """Seconds until the first token and from there to the end."""
        latency = self.rule.latency or default
        chance = fraction(self.seed, "latency", self.request.fingerprint, self.request.seen)
        return latency.seconds(self.usage.output if self.usage else 0, chance)

    def body(self) -> dict[str, Any]:
        """The JSON of a whole answer."""
        if isinstance(self.answer, Fault):
            return error_body(self.answer)
        assert self.usage is not None
        make = chat_api.body if self.request.endpoint == "chat" else responses_api.body
        return make(self.request, self.answer, self.usage, self.key, self.started)

    def response(self) -> Response:
        """The HTTP response, with the headers that the API sends."""
        headers = {"x-request-id": f"req_{self.key}"}
        if isinstance(self.answer, Fault):
            if self.answer.retry_after is not None:
                headers["retry-after"] = f"{self.answer.retry_after:g}"
            if self.answer.should_retry is not None:
                headers["x-should-retry"] = str(self.answer.should_retry).lower()
        return JSONResponse(self.body(), self.status, headers)

    def record(self, status: int) -> RequestRecord:
        """The log entry; a client that hung up was sent no usage."""
        answered = status == 200
        return RequestRecord(
            number=self.number,
            endpoint=self.request.endpoint,
            model=self.request.model,
            rule=self.rule.name,
            fingerprint=self.request.fingerprint,
            seen=self.request.seen,
            started=self.started,
            ended=time.time(),
            status=status,
            stream=self.request.stream,
            usage=self.usage if answered else None,
            response_id=self.response_id if answered else None,
            retry_after=self.answer.retry_after if isinstance(self.answer, Fault) else None,
            headers={name: self.request.headers[name] for name in LOGGED_HEADERS if name in self.request.headers},
            user=self.request.user,
        )


def error_body(fault: Fault) -> dict[str, Any]:
    """OpenAI's error object."""
    kind = "server_error" if fault.status >= 500 else "invalid_request_error"
    return {"error": {"message": fault.message, "type": kind, "param": None, "code": fault.code}}


async def _wait(http: Request, seconds: float) -> bool:
    """Sleep like a thinking model; True as soon as the client has gone."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        await asyncio.sleep(min(left, POLL_S))
        if await http.is_disconnected():
            return True
    return False
