"""Prompts, answers and tool values: captured only if asked for, shown to a redactor first, and cut to size.

    a span ends              of(data)        texts, made at once: the program may go on to change what a span holds
    in the pipeline's jobs   leaving(texts)  redacted and cut, as they may leave the process

A redactor is the program's own code, as slow as it likes and with files of its own: in a workflow it would fail the
workflow task, or meet the sandbox.

The standard variable ``OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`` says where they go: NO_CONTENT (default),
SPAN_ONLY, EVENT_ONLY or SPAN_AND_EVENT.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from opentelemetry.util.types import AttributeValue

from durascope import conventions as c
from durascope._safely import count_failure
from durascope._spans import SpanFacts
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

    def of(self, data: Any) -> dict[str, str]:
        """The content of an Agents ``SpanData`` as text, not yet redacted; empty unless capture is on."""
        if self.capture is Capture.NO_CONTENT:
            return {}
        found = {name: _text(value) for name, value in _values(data)}
        return {name: text for name, text in found.items() if text}

    def leaving(self, content: dict[str, str]) -> dict[str, AttributeValue]:
        """Attributes with content as it may leave."""
        found = {name: self.clean(name, text) for name, text in content.items()}
        return {name: text for name, text in found.items() if text is not None}

    def failed(self, facts: SpanFacts) -> SpanFacts:
        """A failed span as it may leave: its message, which may quote content, is treated as such."""
        message = self.clean(c.ERROR_MESSAGE, facts.error or "")
        attributes = facts.attributes
        if c.ERROR_MESSAGE in attributes:
            rest = {name: value for name, value in attributes.items() if name != c.ERROR_MESSAGE}
            attributes = rest | ({c.ERROR_MESSAGE: message} if message else {})
        return replace(facts, error=message or str(attributes.get(c.ERROR_TYPE, "")), attributes=attributes)

    def clean(self, name: str, value: str) -> str | None:
        """The value as it may leave: redacted, then cut."""
        kept: str | None = value
        if self.redactor is not None:
            try:
                kept = self.redactor(name, value)
            except Exception as error:  # a redactor that fails keeps the secret, not the run
                count_failure("redactor", error, secret=True)
                return None
        if kept is not None and len(kept) > self.limit:
            return f"{kept[: self.limit]}… ({len(kept) - self.limit} characters cut)"
        return kept


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
    """JSON, or else Python's own words; empty for what has neither, which must not cost its span."""
    if isinstance(value, str):
        return value
    try:
        output = getattr(value, "output", None)  # a Response: what it says, not its settings
        said = output if output is not None else value
        return "" if said == [] else json.dumps(said, default=_plain, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):  # keys that JSON does not have, a circle
        return _words(value)
    except Exception as error:
        count_failure("content", error, secret=True)
        return ""


def _words(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:
        count_failure("content", error, secret=True)
        return ""


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    return dump(mode="json", exclude_unset=True) if dump else str(value)
