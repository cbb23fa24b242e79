"""Token usage out of whatever shape the SDK holds it in, on a worker or in a history.

No model call is without tokens: neither input nor output is "nobody said", which is None and never 0. (The SDK counts
such a call as a request all the same.)
"""

from collections.abc import Sequence
from typing import Any

from opentelemetry.util.types import AttributeValue

from durascope import conventions as c
from durascope.records import Tokens


def _field(value: Any, *names: str) -> Any:
    if isinstance(value, list):  # histories of the integration's early versions hold the details as a list of one
        value = value[0] if value else None
    for name in names:
        found = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
        if found is not None:
            return found
    return None


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def tokens_of(usage: Any) -> Tokens | None:
    """Usage as the Agents SDK's ``Usage``, the API's ``ResponseUsage`` or a dict of either or of Chat Completions.

    None if it is not known, or only half of it.
    """
    prompt = _field(usage, "input_tokens", "prompt_tokens")
    completion = _field(usage, "output_tokens", "completion_tokens")
    if prompt is None or completion is None or not (_count(prompt) or _count(completion)):
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


def total(calls: Sequence[Tokens | None]) -> Tokens | None:
    """The sum of some model calls; unknown if there is none, or if that of one of them is."""
    known = [each for each in calls if each is not None]
    if not known or len(known) < len(calls):
        return None
    return Tokens(
        sum(each.input for each in known),
        sum(each.cached_input for each in known),
        sum(each.output for each in known),
        sum(each.reasoning for each in known),
        sum(each.cache_write for each in known),
    )
