"""What an Agents SDK span says, in OpenTelemetry's words. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from durascope import conventions as c
from durascope._tokens import token_attributes, tokens_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Description:
    """Name, kind and attributes of a span."""

    name: str
    attributes: dict[str, AttributeValue]
    kind: SpanKind = SpanKind.INTERNAL


def nanoseconds(time: str | datetime | None) -> int | None:
    """Unix nanoseconds of an ISO 8601 text or a datetime; exact to the microsecond."""
    if time is None:
        return None
    moment = datetime.fromisoformat(time) if isinstance(time, str) else time
    since = (moment if moment.tzinfo is not None else moment.astimezone(UTC)) - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


def clean(attributes: dict[str, Any]) -> dict[str, AttributeValue]:
    """Without what is not known."""
    return {name: value for name, value in attributes.items() if value is not None}


def _agent(data: Any) -> Description:
    attributes = {c.KIND: c.SPAN_AGENT, c.GEN_AI_OPERATION: "invoke_agent", c.GEN_AI_AGENT_NAME: data.name}
    return Description(f"invoke_agent {data.name}", clean(attributes))


def _task(data: Any) -> Description:
    return Description(f"task {data.name}", {c.KIND: c.SPAN_TASK})


def _turn(data: Any) -> Description:
    attributes = {c.KIND: c.SPAN_TURN, c.TURN: data.turn, c.GEN_AI_AGENT_NAME: data.agent_name}
    return Description(f"turn {data.turn}", clean(attributes))


def _function(data: Any) -> Description:
    attributes: dict[str, Any] = {
        c.KIND: c.SPAN_TOOL,
        c.GEN_AI_OPERATION: "execute_tool",
        c.GEN_AI_TOOL_NAME: data.name,
        c.GEN_AI_TOOL_TYPE: "extension" if data.mcp_data else "function",
    }
    return Description(f"execute_tool {data.name}", clean(attributes))


def _handoff(data: Any) -> Description:
    attributes = {c.KIND: c.SPAN_HANDOFF, c.HANDOFF_FROM: data.from_agent, c.HANDOFF_TO: data.to_agent}
    return Description(f"handoff {data.from_agent} to {data.to_agent}", clean(attributes))


def _guardrail(data: Any) -> Description:
    attributes = {c.KIND: c.SPAN_GUARDRAIL, c.GUARDRAIL_NAME: data.name, c.GUARDRAIL_TRIGGERED: bool(data.triggered)}
    return Description(f"guardrail {data.name}", clean(attributes))


def _mcp_tools(data: Any) -> Description:
    return Description(f"tools/list {data.server}", {c.KIND: c.SPAN_MCP})


def _generation(data: Any) -> Description:
    attributes = {c.KIND: c.SPAN_MODEL, c.GEN_AI_OPERATION: "chat", c.GEN_AI_REQUEST_MODEL: data.model}
    # The Chat Completions model writes its base URL here; other providers' models write their own things.
    attributes |= {c.GEN_AI_PROVIDER: "openai" if "base_url" in (data.model_config or {}) else None}
    attributes |= token_attributes(tokens_of(data.usage))
    return Description(f"chat {data.model or 'model'}", clean(attributes), SpanKind.CLIENT)


def _response(data: Any) -> Description:
    response = data.response
    model = getattr(response, "model", None)
    attributes = {c.KIND: c.SPAN_MODEL, c.GEN_AI_OPERATION: "chat", c.GEN_AI_RESPONSE_MODEL: model}
    attributes |= {c.GEN_AI_RESPONSE_ID: getattr(response, "id", None), c.GEN_AI_PROVIDER: "openai"}
    attributes |= token_attributes(tokens_of(data.usage or getattr(response, "usage", None)))
    return Description(f"chat {model or 'model'}", clean(attributes), SpanKind.CLIENT)


_DESCRIBE = {
    "agent": _agent,
    "task": _task,
    "turn": _turn,
    "function": _function,
    "handoff": _handoff,
    "guardrail": _guardrail,
    "mcp_tools": _mcp_tools,
    "generation": _generation,
    "response": _response,
}


def describe(data: Any) -> Description:
    """Describe an Agents ``SpanData``; a type that we do not know is a custom span under its own name."""
    known = _DESCRIBE.get(data.type)
    if known is not None:
        return known(data)
    return Description(str(getattr(data, "name", None) or data.type), {c.KIND: c.SPAN_CUSTOM})
