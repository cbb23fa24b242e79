"""What a span's attributes mean, whoever wrote them: durascope and gen_ai.*, OpenInference, the Agents SDK itself."""

import json
from collections.abc import Mapping
from typing import Any, Final

from durascope import conventions as names

Attributes = Mapping[str, Any]

_GEN_AI_KINDS: Final = {
    "chat": names.SPAN_MODEL,
    "text_completion": names.SPAN_MODEL,
    "generate_content": names.SPAN_MODEL,
    "invoke_agent": names.SPAN_AGENT,
    "execute_tool": names.SPAN_TOOL,
    "invoke_workflow": names.SPAN_WORKFLOW,
}
_OPENINFERENCE_KINDS: Final = {
    "LLM": names.SPAN_MODEL,
    "AGENT": names.SPAN_AGENT,
    "TOOL": names.SPAN_TOOL,
    "CHAIN": names.SPAN_CUSTOM,
    "GUARDRAIL": names.SPAN_GUARDRAIL,
}
_NATIVE_KINDS: Final = {
    "generation": names.SPAN_MODEL,
    "response": names.SPAN_MODEL,
    "agent": names.SPAN_AGENT,
    "function": names.SPAN_TOOL,
    "handoff": names.SPAN_HANDOFF,
    "guardrail": names.SPAN_GUARDRAIL,
    "custom": names.SPAN_CUSTOM,
    "mcp_tools": names.SPAN_MCP,
    "task": names.SPAN_TASK,
    "turn": names.SPAN_TURN,
}
# In the order of schema.TOKEN_KINDS: gen_ai, OpenInference, Agents SDK.
TOKEN_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "input": (names.GEN_AI_INPUT_TOKENS, "llm.token_count.prompt", "usage.input_tokens"),
    "cached_input": (
        names.GEN_AI_CACHE_READ_TOKENS,
        "llm.token_count.prompt_details.cache_read",
        "usage.input_tokens_details.cached_tokens",
    ),
    "output": (names.GEN_AI_OUTPUT_TOKENS, "llm.token_count.completion", "usage.output_tokens"),
    "reasoning": (
        names.GEN_AI_REASONING_TOKENS,
        "llm.token_count.completion_details.reasoning",
        "usage.output_tokens_details.reasoning_tokens",
    ),
    "cache_write": (
        names.GEN_AI_CACHE_WRITE_TOKENS,
        "llm.token_count.prompt_details.cache_write",
        "usage.input_tokens_details.cache_write_tokens",
    ),
}
_TOKEN_MARKS: Final = frozenset(name for found in TOKEN_NAMES.values() for name in found)


def integer(value: Any) -> int | None:
    """A whole number that fits 64 bits, also from a numeral or a whole float; anything else is unknown."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        whole = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return whole if -(2**63) <= whole < 2**63 else None


def number(value: Any) -> float | None:
    """A finite float, or unknown."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if abs(found) < float("inf") else None


def text(value: Any) -> str | None:
    """A non-empty string, or unknown."""
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else str(value)


def first(attributes: Attributes, *keys: str) -> Any:
    """The value of the first key that is there and not null."""
    for key in keys:
        value = attributes.get(key)
        if value is not None:
            return value
    return None


def kind(attributes: Attributes) -> str | None:
    """What the span stands for (conventions.SPAN_*), or None."""
    ours = text(attributes.get(names.KIND))
    if ours is not None:
        return ours
    operation = attributes.get(names.GEN_AI_OPERATION)
    if isinstance(operation, str) and operation in _GEN_AI_KINDS:
        return _GEN_AI_KINDS[operation]
    inferred = attributes.get("openinference.span.kind")
    if isinstance(inferred, str):
        return _OPENINFERENCE_KINDS.get(inferred.upper())
    native = attributes.get("span_data.type")
    return _NATIVE_KINDS.get(native) if isinstance(native, str) else None


def tokens(attributes: Attributes) -> tuple[int | None, ...]:
    """Counts in the order of ``schema.TOKEN_KINDS``, each None where nobody said it.

    A usage that is there and zero throughout is a provider that reported nothing: unknown.
    """
    if _TOKEN_MARKS.isdisjoint(attributes):
        native = _native_usage(attributes.get("usage"))
        if native is None:
            return (None,) * 5
        attributes = native
    counts = tuple(_count(first(attributes, *keys)) for keys in TOKEN_NAMES.values())
    return counts if any(counts) else (None,) * 5


def _count(value: Any) -> int | None:
    found = integer(value)
    return found if found is not None and found >= 0 else None


def _native_usage(usage: Any) -> dict[str, Any] | None:
    """The SDK's own ``usage`` (a map, or JSON of one) under dotted names."""
    if isinstance(usage, str):
        try:
            usage = json.loads(usage)
        except ValueError:
            return None
    if not isinstance(usage, dict):
        return None
    flat: dict[str, Any] = {}
    for key, value in usage.items():
        if isinstance(value, dict):
            flat.update({f"usage.{key}.{inner}": found for inner, found in value.items()})
        else:
            flat[f"usage.{key}"] = value
    return flat


def model(attributes: Attributes) -> str | None:
    """The requested model: history knows it under that name too."""
    return text(
        first(attributes, names.GEN_AI_REQUEST_MODEL, names.GEN_AI_RESPONSE_MODEL, "llm.model_name", "span_data.model")
    )


def agent(attributes: Attributes) -> str | None:
    """The agent's name."""
    return text(first(attributes, names.GEN_AI_AGENT_NAME, "agent.name", "graph.node.id"))


def run_key(attributes: Attributes, resource: Attributes) -> tuple[str, str, str]:
    """(namespace, workflow id, run id); three empty strings if the span names no run.

    Temporal's own interceptors do not say the namespace: the resource may, else it is ``default``.
    """
    workflow = text(attributes.get(names.WORKFLOW_ID))
    run = text(attributes.get(names.RUN_ID))
    if workflow is None or run is None:
        return "", "", ""
    said = first(attributes, names.NAMESPACE, "temporal.namespace") or first(
        resource, names.NAMESPACE, "temporal.namespace"
    )
    return text(said) or "default", workflow, run
