"""Token usage out of whatever shape the SDK holds it in. All zero with no request is "nobody said": None, not 0."""

from typing import Any

from opentelemetry.util.types import AttributeValue

from durascope import conventions as c
from durascope.records import Tokens


def _field(value: Any, *names: str) -> Any:
    for name in names:
        found = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
        if found is not None:
            return found
    return None


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def tokens_of(usage: Any) -> Tokens | None:
    """Usage as the Agents SDK's ``Usage``, the API's ``ResponseUsage`` or a dict of either or of Chat Completions."""
    if usage is None:
        return None
    prompt, completion = (
        _field(usage, "input_tokens", "prompt_tokens"),
        _field(usage, "output_tokens", "completion_tokens"),
    )
    if prompt is None and completion is None:
        return None
    if not _count(prompt) and not _count(completion) and not _field(usage, "requests"):
        return None
    details = _field(usage, "input_tokens_details", "prompt_tokens_details")
    output = _field(usage, "output_tokens_details", "completion_tokens_details")
    return Tokens(
        input=_count(prompt),
        cached_input=_count(_field(details, "cached_tokens")),
        output=_count(completion),
        reasoning=_count(_field(output, "reasoning_tokens")),
        cache_write=_count(_field(details, "cache_write_tokens")),
    )


def token_attributes(tokens: Tokens | None) -> dict[str, AttributeValue]:
    """GenAI usage attributes; none at all when the usage is unknown."""
    if tokens is None:
        return {}
    return {
        c.GEN_AI_INPUT_TOKENS: tokens.input,
        c.GEN_AI_CACHE_READ_TOKENS: tokens.cached_input,
        c.GEN_AI_CACHE_WRITE_TOKENS: tokens.cache_write,
        c.GEN_AI_OUTPUT_TOKENS: tokens.output,
        c.GEN_AI_REASONING_TOKENS: tokens.reasoning,
    }


def add(one: Tokens | None, other: Tokens | None) -> Tokens | None:
    """The sum of two model calls; an unknown one adds nothing."""
    if one is None or other is None:
        return one or other
    return Tokens(
        one.input + other.input,
        one.cached_input + other.cached_input,
        one.output + other.output,
        one.reasoning + other.reasoning,
        one.cache_write + other.cache_write,
    )
