"""The Agents SDK's own spans: which of them are told, and under which of them something hangs. Pure."""

from collections.abc import Container
from typing import Any

from agents.tracing import Span
from agents.tracing.spans import NoOpSpan

REPLACED = "temporal:"


def is_replaced(span: Span[Any]) -> bool:
    """Whether a span of ours stands for this one (or it is the integration's stand-in for a remote parent)."""
    data = span.span_data
    return data.type == "custom" and (data.name.startswith(REPLACED) or not data.name)


def anchor(span: Span[Any] | None, spliced: Container[str] = ()) -> str | None:
    """The id of the Agents span under which what begins inside of ``span`` hangs; None: there is none.

    ``spliced`` are replaced spans that one of ours is known to stand for. A span of a tracing that is switched off
    (``tracing_disabled``) is none: nobody will ever tell it, and all of them have one id.
    """
    if span is None or isinstance(span, NoOpSpan):
        return None
    return span.parent_id if is_replaced(span) and span.span_id not in spliced else span.span_id
