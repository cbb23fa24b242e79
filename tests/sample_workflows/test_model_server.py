"""The scripted server, asked by the real OpenAI client."""

import json
import time
from typing import Literal

import httpx
import httpx2
import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from sample_workflows.model_server import (
    RATE_LIMITED,
    SERVER_ERROR,
    Broken,
    Call,
    Handoff,
    Latency,
    Rule,
    ScriptedServer,
    Structured,
    Text,
    ToolCalls,
    Usage,
)


def client_of(server: ScriptedServer, **options: float) -> OpenAI:
    return OpenAI(base_url=server.base_url, api_key="scripted", max_retries=0, **options)  # type: ignore[arg-type]  # only timeout is passed


TOOL = {
    "type": "function",
    "name": "weather",
    "description": "",
    "strict": True,
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def test_responses_answers_with_text_and_the_logged_usage() -> None:
    """The usage that the client reads is the usage in the log, to the token."""
    with ScriptedServer(rules=[Rule("greet", Text("hello there"), user="hi")]) as server, client_of(server) as client:
        response = client.responses.create(model="gpt-5-mini", instructions="Be brief", input="hi")
        assert response.output_text == "hello there"
        [record] = server.log
        assert response.usage is not None and record.usage is not None
        assert record.usage == Usage(
            response.usage.input_tokens,
            response.usage.input_tokens_details.cached_tokens,
            response.usage.output_tokens,
            response.usage.output_tokens_details.reasoning_tokens,
            response.usage.input_tokens_details.cache_write_tokens,
        )
        assert record.usage.reasoning > 0 and record.usage.output > record.usage.reasoning
        assert (record.rule, record.status, record.endpoint) == ("greet", 200, "responses")
        assert record.headers["x-stainless-retry-count"] == "0"
        assert record.response_id == response.id


def test_chat_completions_answers_with_text() -> None:
    """The same script serves Chat Completions."""
    with ScriptedServer(rules=[Rule("greet", Text("hello"), instructions="brief")]) as server:
        with client_of(server) as client:
            answer = client.chat.completions.create(
                model="gpt-4o-mini",
                messages=[{"role": "system", "content": "Be brief"}, {"role": "user", "content": "hi"}],
            )
        assert answer.choices[0].message.content == "hello"
        assert answer.usage is not None and answer.usage == answer.usage.model_copy()
        assert server.log.billed().total == answer.usage.total_tokens
        details = answer.usage.prompt_tokens_details
        assert details is not None and server.log.billed().cache_write == details.cache_write_tokens


def test_a_tool_is_called_and_its_output_leads_to_the_answer() -> None:
    """``after`` tells the turns of a tool loop apart; the prefix of the second turn is cached input."""
    rules = [
        Rule("ask", ToolCalls.of(Call("weather", {"city": "Oslo"}), Call("weather", {"city": "Rome"})), after=""),
        Rule("tell", lambda request: Text("; ".join(o.text for o in request.outputs)), after="weather"),
    ]
    with ScriptedServer(rules=rules) as server, client_of(server) as client:
        first = client.responses.create(model="gpt-4o", input="weather?", tools=[TOOL])  # type: ignore[list-item]  # a plain dict
        calls = [item for item in first.output if item.type == "function_call"]
        assert [json.loads(call.arguments)["city"] for call in calls] == ["Oslo", "Rome"]
        conversation = [{"role": "user", "content": "weather?"}]
        conversation += [call.model_dump() for call in calls]
        conversation += [
            {"type": "function_call_output", "call_id": call.call_id, "output": f"{number} degrees"}
            for number, call in enumerate(calls)
        ]
        second = client.responses.create(model="gpt-4o", input=conversation)  # type: ignore[arg-type]  # plain dicts
        assert second.output_text == "0 degrees; 1 degrees"
        assert second.usage is not None and second.usage.input_tokens_details.cached_tokens > 0


def test_a_handoff_calls_the_tool_that_the_agents_sdk_offers() -> None:
    """Handoffs are tool calls named after the agent."""
    with ScriptedServer(rules=[Rule("hand", Handoff("Research writer"))]) as server, client_of(server) as client:
        [call] = client.responses.create(model="gpt-4o", input="x").output
        assert call.type == "function_call" and call.name == "transfer_to_research_writer"


def test_structured_output_follows_the_script_or_the_schema() -> None:
    """Scripted values come as JSON; without a rule the server makes the smallest value of the schema."""

    class Plan(BaseModel):
        steps: list[str]
        urgent: bool

    scripted = Rule("plan", Structured({"steps": ["a", "b"], "urgent": False}), user="scripted")
    with ScriptedServer(rules=[scripted]) as server, client_of(server) as client:
        plan = client.responses.parse(model="gpt-4o", input="scripted", text_format=Plan).output_parsed
        assert plan == Plan(steps=["a", "b"], urgent=False)
        made = client.responses.parse(model="gpt-4o", input="anything", text_format=Plan).output_parsed
        assert made is not None and made.steps and made.urgent


def test_faults_come_first_and_the_retry_gets_through() -> None:
    """``first=1`` fails the first sighting of a request only; Retry-After is sent and no usage is billed."""
    rules = [
        Rule("busy", RATE_LIMITED, user="busy", first=1),
        Rule("broken", SERVER_ERROR, user="broken"),
        Rule("ok", Text("fine")),
    ]
    with ScriptedServer(rules=rules) as server, client_of(server) as client:
        with pytest.raises(openai.RateLimitError) as limited:
            client.responses.create(model="gpt-4o", input="busy")
        assert limited.value.response.headers["retry-after"] == "1"
        assert client.responses.create(model="gpt-4o", input="busy").output_text == "fine"
        with pytest.raises(openai.InternalServerError, match="had an error"):
            client.responses.create(model="gpt-4o", input="broken")
        log = list(server.log)
        assert [record.status for record in log] == [429, 200, 500]
        assert [record.usage is None for record in log] == [True, False, True]
        assert [record.seen for record in log] == [0, 1, 0]
        assert log[0].retry_after == 1.0


def test_the_same_seed_gives_the_same_faults() -> None:
    """Chance depends on seed, rule and request only, not on the order of requests."""

    def faults(seed: int, order: list[int]) -> dict[int, int]:
        rules = [Rule("flaky", SERVER_ERROR, chance=0.5)]
        with ScriptedServer(seed=seed, rules=rules) as server, client_of(server) as client:
            for number in order:
                try:
                    client.responses.create(model="gpt-4o", input=f"question {number}")
                except openai.InternalServerError:
                    pass  # the fault under test; its status is in the log
            return {int(record.user.split()[1]): record.status for record in server.log}

    forth, back = faults(7, list(range(20))), faults(7, list(range(19, -1, -1)))
    assert forth == back
    assert set(forth.values()) == {200, 500}
    assert faults(8, list(range(20))) != forth


def test_a_client_that_hangs_up_is_recorded_and_billed_nothing() -> None:
    """Status 499, no usage: the tokens of an abandoned call are unknown to everybody."""
    with ScriptedServer(latency=Latency(30.0, 0.0, 0.0)) as server:
        with client_of(server, timeout=0.3) as client, pytest.raises(openai.APITimeoutError):
            client.responses.create(model="gpt-4o", input="slow")
        deadline = time.monotonic() + 5
        while not len(server.log):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        [record] = server.log
        assert record.status == 499 and record.usage is None


async def test_it_is_an_async_context_manager_too() -> None:
    """Starting and stopping does not block the caller's loop."""
    async with (
        ScriptedServer() as server,
        openai.AsyncOpenAI(base_url=server.base_url, api_key="scripted", max_retries=0) as client,
    ):
        assert (await client.responses.create(model="gpt-4o", input="hi")).output_text == "Understood: hi"


def test_streaming_responses_arrive_in_pieces_with_usage_at_the_end() -> None:
    """The deltas join to the text; the last event carries the usage that the log has."""
    text = "one two three four five six seven eight"
    with ScriptedServer(rules=[Rule("stream", Text(text))]) as server, client_of(server) as client:
        pieces: list[str] = []
        with client.responses.stream(model="gpt-5-mini", input="go") as stream:
            pieces += [event.delta for event in stream if event.type == "response.output_text.delta"]
            final = stream.get_final_response()
        assert len(pieces) > 1 and "".join(pieces) == text == final.output_text
        [record] = server.log
        assert record.stream and record.usage is not None and final.usage is not None
        assert (record.usage.input, record.usage.output) == (final.usage.input_tokens, final.usage.output_tokens)


def test_streaming_tool_calls_and_chat_completions() -> None:
    """Tool arguments stream too, and the chat API ends with a usage chunk."""
    rules = [
        Rule("call", ToolCalls.of(Call("weather", {"city": "Bad Ems"})), user="tool"),
        Rule("say", Text("a b c d")),
    ]
    with ScriptedServer(rules=rules) as server, client_of(server) as client:
        with client.responses.stream(model="gpt-4o", input="tool") as stream:
            [call] = stream.get_final_response().output
        assert call.type == "function_call" and json.loads(call.arguments) == {"city": "Bad Ems"}
        chunks = list(
            client.chat.completions.create(
                model="gpt-4o",
                messages=[{"role": "user", "content": "talk"}],
                stream=True,
                stream_options={"include_usage": True},
            )
        )
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "a b c d"
        usage, record = chunks[-1].usage, list(server.log)[-1]
        assert usage is not None and record.usage is not None and usage.total_tokens == record.usage.total


def ask(client: OpenAI, stream: bool) -> None:
    if stream:
        with client.responses.stream(model="gpt-4o", input="x") as events:
            events.until_done()
    else:
        client.responses.create(model="gpt-4o", input="x")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("how", ["cut", "malformed"])
def test_broken_answers_break_the_client_and_bill_nothing(how: Literal["cut", "malformed"], stream: bool) -> None:
    """A connection cut in the middle, or JSON that ends early: no usage reached anybody."""
    with ScriptedServer(rules=[Rule("broken", Broken(how))]) as server, client_of(server) as client:
        with pytest.raises((openai.OpenAIError, httpx.HTTPError, httpx2.HTTPError, ValueError)):
            ask(client, stream)
        [record] = server.log
        assert record.status == 200 and record.usage is None and record.rule == "broken"


def test_a_slow_first_token_is_slow_only_before_the_first_token() -> None:
    """Latency splits into the wait for the first token and the flow of the rest."""
    rules = [Rule("slow", Text("a b c d e f g h i"), latency=Latency(0.4, 0.0, 0.0))]
    with ScriptedServer(rules=rules) as server, client_of(server) as client:
        began = time.monotonic()
        with client.responses.stream(model="gpt-4o", input="x") as stream:
            next(iter(stream))
            first = time.monotonic() - began
            stream.until_done()
        assert first >= 0.4 and time.monotonic() - began - first < 0.4
