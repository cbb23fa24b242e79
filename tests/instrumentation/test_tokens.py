"""Usage in every shape that SDKs and providers give it; what nobody said is unknown, never 0."""

from typing import Any

import pytest
from agents import Usage
from openai.types.completion_usage import CompletionTokensDetails, CompletionUsage, PromptTokensDetails
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

from durascope._tokens import token_attributes, tokens_of, total
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
        (
            {"input_tokens": 9, "input_tokens_details": [{"cached_tokens": 4}], "output_tokens": 2},
            Tokens(9, 4, 2, 0),
        ),
        (Usage(requests=1), None),
        (Usage(), None),
        ({"requests": 1, "input_tokens": 0, "output_tokens": 0, "total_tokens": 7}, None),
        ({"output_tokens": 5}, None),
        ({}, None),
        (None, None),
    ],
    ids=[
        "agents",
        "chat",
        "chat as a dict",
        "no details",
        "details in a list",
        "nothing told",
        "no request",
        "a total only",
        "half",
        "empty",
        "none",
    ],
)
def test_usage_is_read_or_unknown(usage: Any, tokens: Tokens | None) -> None:
    """Zeros are what the SDK makes of a provider's silence; half of it is not it."""
    assert tokens_of(usage) == tokens


def test_unknown_usage_gives_no_attribute() -> None:
    """Not even zeros."""
    assert token_attributes(None) == {}


def test_a_sum_with_an_unknown_part_is_unknown() -> None:
    """So is that of no call at all."""
    assert total([WHOLE, WHOLE]) == Tokens(200, 120, 40, 10, 60)
    assert total([WHOLE, None]) is total([None]) is total([]) is None
