"""Prompts, answers and tool values: captured only if asked for, shown to a redactor first, and cut to size.

The standard variable ``OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`` says where they go: NO_CONTENT (default),
SPAN_ONLY, EVENT_ONLY or SPAN_AND_EVENT.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from agents.tracing import SpanError
from opentelemetry.util.types import AttributeValue

from durascope import conventions as c
from durascope._safely import count_failure
from durascope.exceptions import ConfigurationError

VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
LIMIT = 8_192  # characters an attribute

Redactor = Callable[[str, str], str | None]
"""Sees (attribute name, value) before anything else does; returns what may be kept, or None for nothing."""


class Capture(StrEnum):
    """Where content goes."""

    NO_CONTENT = "NO_CONTENT"
    SPAN_ONLY = "SPAN_ONLY"
    EVENT_ONLY = "EVENT_ONLY"
    SPAN_AND_EVENT = "SPAN_AND_EVENT"


_ALSO = {"": Capture.NO_CONTENT, "FALSE": Capture.NO_CONTENT, "TRUE": Capture.SPAN_AND_EVENT}


@dataclass(frozen=True, slots=True)
class Content:
    """What to do with content."""

    capture: Capture = Capture.NO_CONTENT
    redactor: Redactor | None = None
    limit: int = LIMIT

    @property
    def on_spans(self) -> bool:
        """Whether spans carry content."""
        return self.capture in (Capture.SPAN_ONLY, Capture.SPAN_AND_EVENT)

    @property
    def on_events(self) -> bool:
        """Whether log events carry content."""
        return self.capture in (Capture.EVENT_ONLY, Capture.SPAN_AND_EVENT)

    def of(self, data: Any) -> dict[str, AttributeValue]:
        """Attributes with the content of an Agents ``SpanData``; empty unless capture is on."""
        if self.capture is Capture.NO_CONTENT:
            return {}
        found = {name: self.clean(name, _text(value)) for name, value in _values(data) if value not in (None, "", [])}
        return {name: value for name, value in found.items() if value is not None}

    def clean(self, name: str, value: str) -> str | None:
        """The value as it may leave: redacted, then cut."""
        kept: str | None = value
        if self.redactor is not None:
            try:
                kept = self.redactor(name, value)
            except Exception as error:  # a redactor that fails keeps the secret, not the run
                count_failure("redactor", error)
                return None
        if kept is not None and len(kept) > self.limit:
            return f"{kept[: self.limit]}… ({len(kept) - self.limit} characters cut)"
        return kept

    def error(self, error: SpanError | None) -> str | None:
        """The message of a failed Agents span as it may leave; None if the span has not failed."""
        return None if error is None else self.clean(c.ERROR_MESSAGE, error["message"]) or ""


def from_environment(redactor: Redactor | None, limit: int) -> Content:
    """Read the standard variable. Raises ConfigurationError for a value that it does not have."""
    said = os.environ.get(VARIABLE, "").strip().upper()
    capture = _ALSO.get(said) or (Capture(said) if said in set(Capture) else None)
    if capture is None:
        raise ConfigurationError(f"{VARIABLE} is {said!r}; set it to one of {', '.join(Capture)}, or unset it")
    return Content(capture, redactor, limit)


def _values(data: Any) -> list[tuple[str, Any]]:
    # Custom spans' data is whatever the program put there: as likely a prompt as not.
    names = {"input": "input", "output": "output", "data": "data", "response": "output", "result": "output"}
    found = [(c.CONTENT_PREFIX + ours, getattr(data, theirs, None)) for theirs, ours in names.items()]
    return [(name, value) for name, value in found if value is not None]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    output = getattr(value, "output", None)  # a Response: what it says, not its settings
    return json.dumps(output if output is not None else value, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    return dump(mode="json", exclude_unset=True) if dump else str(value)
