"""Usage in every shape that SDKs and providers give it; what nobody said is unknown, never 0."""

from typing import Any

import pytest
from agents import Usage
from openai.types.completion_usage import CompletionTokensDetails, CompletionUsage, PromptTokensDetails
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

from durascope._tokens import add, token_attributes, tokens_of
from durascope.records import Tokens

WHOLE = Tokens(input=100, cached_input=60, output=20, reasoning=5, cache_write=30)
INPUT = InputTokensDetails.model_validate({"cached_tokens": 60, "cache_write_tokens": 30})
OUTPUT = OutputTokensDetails(reasoning_tokens=5)
CHAT = CompletionUsage(
    prompt_tokens=100, completion_tokens=20, total_tokens=120,
    prompt_tokens_details=PromptTokensDetails.model_validate({"cached_tokens": 60, "cache_write_tokens": 30}),
    completion_tokens_details=CompletionTokensDetails(reasoning_tokens=5),
)  # fmt: skip


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (Usage(1, 100, INPUT, 20, OUTPUT, 120), WHOLE),
        (CHAT, WHOLE),
        (CHAT.model_dump(), WHOLE),
        ({"input_tokens": 100, "output_tokens": 20}, Tokens(100, 0, 20, 0)),
        (Usage(requests=1), Tokens(0, 0, 0, 0)),
        (Usage(), None),
        ({"input_tokens": 0, "output_tokens": 0}, None),
        ({}, None),
        (None, None),
    ],
    ids=["agents", "chat", "chat as a dict", "no details", "nothing used", "no request", "zeros", "empty", "none"],
)
def test_usage_is_read_or_unknown(usage: Any, tokens: Tokens | None) -> None:
    """A request that used nothing has 0 tokens; zeros without a request are what a silent provider leaves."""
    assert tokens_of(usage) == tokens


def test_unknown_usage_gives_no_attribute() -> None:
    """And adds nothing to what is known."""
    assert token_attributes(None) == {}
    assert add(WHOLE, None) == add(None, WHOLE) == WHOLE
    assert add(WHOLE, WHOLE) == Tokens(200, 120, 40, 10, 60)
