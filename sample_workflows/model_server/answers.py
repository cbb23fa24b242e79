"""What a scripted model can say: text, structured output, tool calls, a handoff, or a fault."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Text:
    """A final message; ``searched`` is what the hosted web search was asked before, if it was."""

    text: str
    searched: str | None = None


@dataclass(frozen=True, slots=True)
class Structured:
    """A final message that is the JSON of ``value``, for agents with an ``output_type``."""

    value: Any

    @property
    def text(self) -> str:
        """The message."""
        return json.dumps(self.value)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a function tool."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """One turn that calls tools, in parallel when there are several."""

    calls: tuple[Call, ...]
    searched: str | None = None

    @classmethod
    def of(cls, *calls: Call, searched: str | None = None) -> "ToolCalls":
        """``ToolCalls.of(Call("search", {"query": "..."}), ...)``."""
        return cls(calls, searched)


@dataclass(frozen=True, slots=True)
class Handoff:
    """Hands the conversation to the agent of this name, as the Agents SDK names its handoff tools."""

    agent: str

    @property
    def tool(self) -> str:
        """``transfer_to_<agent>``: lower case, with what is neither letter nor digit as ``_``."""
        return "transfer_to_" + "".join(c if c.isalnum() else "_" for c in self.agent.lower())


@dataclass(frozen=True, slots=True)
class Fault:
    """An HTTP error as the real API sends it. ``retry_after`` in seconds; ``code`` as in OpenAI's error object."""

    status: int
    retry_after: float | None = None
    code: str | None = None
    message: str = ""
    should_retry: bool | None = None  # the x-should-retry header


@dataclass(frozen=True, slots=True)
class Broken:
    """An answer that starts well: the connection is cut in the middle of it, or its JSON is malformed."""

    how: Literal["cut", "malformed"]
    answer: "Spoken" = field(default_factory=lambda: Text("This answer never arrives in one piece."))


Spoken = Text | Structured | ToolCalls | Handoff
"""What comes with usage."""
Answer = Spoken | Fault | Broken


RATE_LIMITED = Fault(429, retry_after=1.0, code="rate_limit_exceeded", message="Rate limit reached for requests.")
SERVER_ERROR = Fault(500, code="server_error", message="The server had an error while processing your request.")
OVERLOADED = Fault(503, code="overloaded", message="The engine is currently overloaded, please try again later.")
CONTEXT_TOO_LONG = Fault(
    400, code="context_length_exceeded", message="Your input exceeds the context window of this model."
)
