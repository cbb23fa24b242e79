"""Every fault that the scripted server knows, as the real client sees it; and that a seed decides all of it."""

from typing import Any

import openai
import pytest
from openai import OpenAI

from sample_workflows.model_server import (
    CONTEXT_TOO_LONG,
    OVERLOADED,
    RATE_LIMITED,
    SERVER_ERROR,
    Broken,
    Call,
    Fault,
    Latency,
    RequestRecord,
    Rule,
    ScriptedServer,
    Text,
    ToolCalls,
)


def client_of(server: ScriptedServer, retries: int = 0) -> OpenAI:
    return OpenAI(base_url=server.base_url, api_key="scripted", max_retries=retries)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("fault", "error", "status", "code"),
    [
        (RATE_LIMITED, openai.RateLimitError, 429, "rate_limit_exceeded"),
        (SERVER_ERROR, openai.InternalServerError, 500, "server_error"),
        (OVERLOADED, openai.InternalServerError, 503, "overloaded"),
        (CONTEXT_TOO_LONG, openai.BadRequestError, 400, "context_length_exceeded"),
        (Fault(401, code="invalid_api_key", message="No."), openai.AuthenticationError, 401, "invalid_api_key"),
        (Fault(409, message="Conflict."), openai.ConflictError, 409, None),
    ],
)
def test_a_fault_is_the_error_that_the_real_api_gives(
    fault: Fault, error: type[openai.APIStatusError], status: int, code: str | None, stream: bool
) -> None:
    """Class, status, code and message; nothing is billed. A stream that fails at once is a plain error too."""
    with ScriptedServer(rules=[Rule("fault", fault)]) as server, client_of(server) as client:
        with pytest.raises(error) as raised:
            client.responses.create(model="gpt-4o", input="x", stream=stream)
        assert raised.value.status_code == status and raised.value.code == code
        assert fault.message in raised.value.message
        [record] = server.log
        assert record.status == status and record.usage is None


def test_the_log_tells_a_client_that_retries_by_itself() -> None:
    """Two layers of retries would be invisible to Temporal; here the second request says which one it is."""
    with ScriptedServer(rules=[Rule("busy", Fault(500), first=1)]) as server, client_of(server, 1) as client:
        client.responses.create(model="gpt-4o", input="x")
        assert [record.headers["x-stainless-retry-count"] for record in server.log] == ["0", "1"]


def test_should_retry_overrules_the_client() -> None:
    """With ``x-should-retry: false`` the client gives up at once, whatever the status."""
    rules = [Rule("final", Fault(500, should_retry=False))]
    with ScriptedServer(rules=rules) as server, client_of(server, 3) as client:
        with pytest.raises(openai.InternalServerError):
            client.responses.create(model="gpt-4o", input="x")
        assert len(server.log) == 1


RULES = [
    Rule("busy", Fault(500), chance=0.3),
    Rule("cut", Broken("cut"), chance=0.1),
    Rule("look", ToolCalls.of(Call("look", {"at": "it"})), user="look", after=""),
    Rule("say", lambda request: Text(f"so: {request.user}"), latency=Latency(0.002, 0.0001, 0.5)),
]


def conversation(seed: int) -> tuple[list[Any], list[RequestRecord]]:
    """Thirty questions; what came back, and the log."""
    answers: list[Any] = []
    with ScriptedServer(seed=seed, rules=RULES) as server, client_of(server) as client:
        for number in range(30):
            try:
                response = client.responses.create(
                    model="gpt-5-mini", input=f"{'look' if number % 3 else 'say'} {number}"
                )
                answers.append((response.id, [item.model_dump() for item in response.output], response.usage))
            except (openai.APIError, ValueError) as error:
                answers.append(type(error).__name__)
        return answers, list(server.log)


def test_the_same_seed_gives_the_same_conversation() -> None:
    """Answers, ids, usage, faults and broken connections; another seed gives another one."""
    first, again, other = conversation(11), conversation(11), conversation(12)
    assert first[0] == again[0] != other[0]
    told = [[(r.rule, r.status, r.usage, r.response_id, r.fingerprint) for r in log] for _, log in (first, again)]
    assert told[0] == told[1]
    assert {record.rule for record in first[1]} == {"busy", "cut", "look", "say"}


def test_latency_follows_from_the_seed() -> None:
    """Log-normal around its median: the same quantile of the same request is the same number of seconds."""
    latency = Latency(first_token=0.2, per_token=0.01, spread=0.4)
    assert latency.seconds(10, 0.5) == pytest.approx((0.2, 0.1))
    assert latency.seconds(10, 0.9) == latency.seconds(10, 0.9) > latency.seconds(10, 0.5) > latency.seconds(10, 0.1)
