"""What a span's attributes mean, whoever wrote them: durascope and gen_ai.*, OpenInference, the Agents SDK itself.

An attribute is read once, when its bytes are first seen (attributes.py): into the *fact* that it states, as the
store's type. ``FACTS`` maps attribute names to facts; where dialects state the same fact, the first named wins.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from durascope import conventions as c
from durascope_dashboard.store.schema import MAX_ATTEMPT, MAX_MS, MAX_TOKENS

Facts = dict[str, Any]

_GEN_AI_KINDS: Final = {
    "chat": c.SPAN_MODEL, "text_completion": c.SPAN_MODEL, "generate_content": c.SPAN_MODEL,
    "invoke_agent": c.SPAN_AGENT, "execute_tool": c.SPAN_TOOL, "invoke_workflow": c.SPAN_WORKFLOW,
}  # fmt: skip
_OPENINFERENCE_KINDS: Final = {
    "llm": c.SPAN_MODEL, "agent": c.SPAN_AGENT, "tool": c.SPAN_TOOL, "chain": c.SPAN_CUSTOM,
    "guardrail": c.SPAN_GUARDRAIL,
}  # fmt: skip
_NATIVE_KINDS: Final = {
    "generation": c.SPAN_MODEL, "response": c.SPAN_MODEL, "agent": c.SPAN_AGENT, "function": c.SPAN_TOOL,
    "handoff": c.SPAN_HANDOFF, "guardrail": c.SPAN_GUARDRAIL, "custom": c.SPAN_CUSTOM, "mcp_tools": c.SPAN_MCP,
    "task": c.SPAN_TASK, "turn": c.SPAN_TURN,
}  # fmt: skip
_MAX_I64: Final = 2**63


def text(value: Any) -> str | None:
    """A non-empty string, or unknown."""
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else str(value)


def integer(value: Any) -> int | None:
    """A whole number that fits 64 bits, also from a numeral or a whole float; anything else is unknown."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        whole = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return whole if -_MAX_I64 <= whole < _MAX_I64 else None


def number(value: Any) -> float | None:
    """A finite float, or unknown."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if abs(found) < float("inf") else None


def count(value: Any) -> int | None:
    """Tokens of one call; more than a call can have is unknown."""
    found = integer(value)
    return found if found is not None and 0 <= found <= MAX_TOKENS else None


def positive(value: Any) -> int | None:
    """An attempt's number, or how many there may be; what Temporal cannot have counted is unknown."""
    found = integer(value)
    return found if found is not None and 1 <= found <= MAX_ATTEMPT else None


def micros(nanos: Any) -> int | None:
    found = integer(nanos)
    return found // 1000 if found is not None and found > 0 else None


def milliseconds(seconds: Any) -> float | None:
    """A delay, from seconds; one below zero or above a century is unknown."""
    found = number(seconds)
    return found * 1000.0 if found is not None and 0 <= found * 1000.0 <= MAX_MS else None


def flag(value: Any) -> bool:
    return value is True


def _kind(kinds: Mapping[str, str], value: Any) -> str | None:
    """Names compare without case: OpenInference writes LLM, others llm."""
    return kinds.get(value.lower()) if isinstance(value, str) else None


def _native_usage(value: Any) -> Facts | None:
    """The SDK's own ``usage``: a map, or the JSON of one. Its counts stand under ``FACTS``' dotted names."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    if not isinstance(value, dict):
        return None
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        details = inner.items() if isinstance(inner, dict) else ()
        flat |= {f"usage.{key}": inner} | {f"usage.{key}.{name}": count for name, count in details}
    stated = {FACTS[name].fact: FACTS[name].read(v) for name, v in flat.items() if name in FACTS}
    return stated or None


class Fact(NamedTuple):
    """An attribute's meaning: which fact, how sure (0: the first choice), and how the value is read."""

    fact: str
    rank: int
    read: Callable[[Any], Any]


def _facts() -> dict[str, Fact]:
    sources: dict[str, tuple[Callable[[Any], Any], tuple[str, ...]]] = {
        "kind": (text, (c.KIND,)),
        "namespace": (text, (c.NAMESPACE, "temporal.namespace")),
        "workflow_id": (text, (c.WORKFLOW_ID,)),
        "run_id": (text, (c.RUN_ID,)),
        "activity_id": (text, (c.ACTIVITY_ID,)),
        "attempt": (positive, (c.ATTEMPT,)),
        "agent": (text, (c.GEN_AI_AGENT_NAME, "agent.name", "graph.node.id")),
        # The requested model first: history knows a call under that name too.
        "model": (text, (c.GEN_AI_REQUEST_MODEL, c.GEN_AI_RESPONSE_MODEL, "llm.model_name", "span_data.model")),
        "status": (text, (c.OUTCOME,)),
        "queued": (micros, (c.QUEUED_TIME,)),
        "started": (micros, (c.STARTED_TIME,)),
        "scheduled": (micros, (c.SCHEDULED_TIME,)),
        "error_type": (text, (c.ERROR_TYPE,)),
        "error_message": (text, (c.ERROR_MESSAGE,)),
        "retry_delay_ms": (milliseconds, (c.RETRY_DELAY,)),
        "retry_by": (text, (c.RETRY_BY,)),
        "worker": (text, (c.WORKER,)),
        "task_queue": (text, (c.TASK_QUEUE,)),
        "build_id": (text, (c.BUILD_ID,)),
        "response_id": (text, (c.GEN_AI_RESPONSE_ID,)),
        "http_status": (integer, (c.HTTP_STATUS,)),
        "http_retries": (integer, (c.HTTP_RETRIES,)),
        "workflow_type": (text, (c.WORKFLOW_TYPE,)),
        "activity_type": (text, (c.ACTIVITY_TYPE,)),
        "operation_kind": (text, (c.OPERATION_KIND,)),
        "max_attempts": (positive, (c.RETRY_MAX_ATTEMPTS,)),
        "is_local": (flag, (c.IS_LOCAL,)),
        "parent_span_id": (text, (c.PARENT_SPAN_ID,)),
        "service": (text, ("service.name",)),
        "input": (count, (c.GEN_AI_INPUT_TOKENS, "llm.token_count.prompt", "usage.input_tokens")),
        "cached_input": (count, (c.GEN_AI_CACHE_READ_TOKENS, "llm.token_count.prompt_details.cache_read",
                                  "usage.input_tokens_details.cached_tokens")),
        "output": (count, (c.GEN_AI_OUTPUT_TOKENS, "llm.token_count.completion", "usage.output_tokens")),
        "reasoning": (count, (c.GEN_AI_REASONING_TOKENS, "llm.token_count.completion_details.reasoning",
                               "usage.output_tokens_details.reasoning_tokens")),
        "cache_write": (count, (c.GEN_AI_CACHE_WRITE_TOKENS, "llm.token_count.prompt_details.cache_write",
                                 "usage.input_tokens_details.cache_write_tokens")),
        "usage": (_native_usage, ("usage",)),
    }  # fmt: skip
    facts = {name: Fact(fact, rank, read) for fact, (read, names) in sources.items() for rank, name in enumerate(names)}
    for rank, (name, kinds) in enumerate(_KIND_NAMES.items(), start=1):
        facts[name] = Fact("kind", rank, partial(_kind, kinds))
    return facts


_KIND_NAMES: Final[dict[str, Mapping[str, str]]] = {
    c.GEN_AI_OPERATION: _GEN_AI_KINDS,
    "openinference.span.kind": _OPENINFERENCE_KINDS,
    "span_data.type": _NATIVE_KINDS,
}
FACTS: Final[Mapping[str, Fact]] = _facts()


def read(name: str, value: Any) -> tuple[str, int, Any]:
    """(fact, -rank, its value): in order, the first choice comes last. ("", 0, None) for what states no fact."""
    meaning = FACTS.get(name)
    found = None if meaning is None else meaning.read(value)
    return ("", 0, None) if meaning is None or found is None else (meaning.fact, -meaning.rank, found)
