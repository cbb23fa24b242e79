"""Token usage of an answer: four characters a token, a prefix read from or written to the cache, reasoning."""

import json
from dataclasses import dataclass

from sample_workflows.model_server.answers import Handoff, Spoken, Structured, Text, ToolCalls
from sample_workflows.model_server.request import ModelRequest

CHARACTERS_PER_TOKEN = 4
CACHE_BLOCK_TOKENS = 16  # a cache is written in whole blocks; OpenAI's are of 128, but prompts are short here
REASONING_MODELS = ("gpt-5", "o1", "o3", "o4")


@dataclass(frozen=True, slots=True)
class Usage:
    """As providers count: ``cached_input`` and ``cache_write`` are part of ``input``, ``reasoning`` of ``output``."""

    input: int
    cached_input: int
    output: int
    reasoning: int
    cache_write: int = 0

    @property
    def total(self) -> int:
        """Input and output together."""
        return self.input + self.output


NOTHING = Usage(0, 0, 0, 0)


def usage_of(request: ModelRequest, answer: Spoken) -> Usage:
    """The usage that goes with an answer: a pure function of both."""
    prompt = tokens(request.length) + 12 * len(request.tools) + 8
    # A provider caches the prefix that it has read before: everything but the newest item, once a model has spoken.
    newest = tokens(len(request.items[-1].text)) if request.items else 0
    spoken = any(item.kind in ("assistant", "call") for item in request.items)
    visible = tokens(len(spoken_text(answer))) + 4
    reasoning = 16 + visible // 2 if request.model.startswith(REASONING_MODELS) else 0
    cached = max(prompt - newest - 8, 0) if spoken else 0
    written = (prompt - cached) // CACHE_BLOCK_TOKENS * CACHE_BLOCK_TOKENS
    return Usage(prompt, cached, visible + reasoning, reasoning, written)


def spoken_text(answer: Spoken) -> str:
    """What the model writes, as one string."""
    match answer:
        case Text() | Structured():
            return answer.text
        case ToolCalls():
            return "".join(call.name + json.dumps(dict(call.arguments)) for call in answer.calls)
        case Handoff():
            return answer.tool


def tokens(characters: int) -> int:
    """Tokens of that many characters, rounded up."""
    return -(-characters // CHARACTERS_PER_TOKEN)
