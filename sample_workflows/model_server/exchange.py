"""One request and its answer: what is sent, when, and what the log will say of it."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sample_workflows.model_server import chat_api, responses_api, streaming
from sample_workflows.model_server.answers import Answer, Broken, Fault, Spoken
from sample_workflows.model_server.latency import Latency
from sample_workflows.model_server.log import LOGGED_HEADERS, RequestRecord
from sample_workflows.model_server.request import ModelRequest
from sample_workflows.model_server.rules import Rule, fraction
from sample_workflows.model_server.usage import Usage, usage_of


@dataclass
class Exchange:
    """Made when the request has been read; everything here follows from the request, the rule and the seed."""

    number: int
    request: ModelRequest
    rule: Rule
    seed: int
    started: float
    answer: Answer = field(init=False)
    spoken: Spoken | None = field(init=False)
    usage: Usage | None = field(init=False)

    def __post_init__(self) -> None:
        self.answer = self.rule.reply(self.request)
        self.spoken = self.answer.answer if isinstance(self.answer, Broken) else _spoken(self.answer)
        self.usage = None if self.spoken is None else usage_of(self.request, self.spoken)

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

    @property
    def headers(self) -> dict[str, str]:
        """The headers that the API sends."""
        headers = {"x-request-id": f"req_{self.key}"}
        if isinstance(self.answer, Fault):
            if self.answer.retry_after is not None:
                headers["retry-after"] = f"{self.answer.retry_after:g}"
            if self.answer.should_retry is not None:
                headers["x-should-retry"] = str(self.answer.should_retry).lower()
        return headers

    def delay(self, default: Latency) -> tuple[float, float]:
        """Seconds until the first token and from there to the end."""
        latency = self.rule.latency or default
        chance = fraction(self.seed, "latency", self.request.fingerprint, self.request.seen)
        return latency.seconds(self.usage.output if self.usage else 0, chance)

    def body(self) -> str:
        """A whole answer as JSON; a malformed one ends in the middle."""
        text = json.dumps(self._body())
        malformed = isinstance(self.answer, Broken) and self.answer.how == "malformed"
        return text[: len(text) // 2] if malformed else text

    def _body(self) -> dict[str, Any]:
        if isinstance(self.answer, Fault):
            return error_body(self.answer)
        assert self.spoken is not None
        assert self.usage is not None
        make = chat_api.body if self.request.endpoint == "chat" else responses_api.body
        whole = make(self.request, self.spoken, self.usage, self.key, self.started)
        return whole if self.rule.usage else {**whole, "usage": None}

    def events(self) -> Iterator[str]:
        """The same answer as server-sent events."""
        assert self.spoken is not None
        assert self.usage is not None
        return streaming.events(self.request, self.spoken, self.usage, self.key, self.started, told=self.rule.usage)

    def record(self, status: int) -> RequestRecord:
        """The log entry; only a client that got the whole answer was told its usage."""
        answered = status == 200 and not isinstance(self.answer, Broken)
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
            usage=self.usage if answered and self.rule.usage else None,
            response_id=self.response_id if answered else None,
            retry_after=self.answer.retry_after if isinstance(self.answer, Fault) else None,
            headers={name: self.request.headers[name] for name in LOGGED_HEADERS if name in self.request.headers},
            user=self.request.user,
        )


def _spoken(answer: Answer) -> Spoken | None:
    return None if isinstance(answer, Fault | Broken) else answer


def error_body(fault: Fault) -> dict[str, Any]:
    """OpenAI's error object."""
    kind = "server_error" if fault.status >= 500 else "invalid_request_error"
    return {"error": {"message": fault.message, "type": kind, "param": None, "code": fault.code}}
