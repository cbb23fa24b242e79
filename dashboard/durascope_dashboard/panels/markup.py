"""The only place that makes HTML. Everything that comes from data goes through :func:`text`; a test holds it to that.

Tables are HTML rather than canvas where they are short: they print, they wrap, and a screen reader reads them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final, Literal

import streamlit as st

from durascope_dashboard import theme

_MEASURE: Final = re.compile(r"\d (?:%|(?:ms|[smhd])\b)(?: \d+ [smh]\b)?")  # "18 %", "12.0 s", "1 m 47 s"


def text(value: object) -> str:
    """Data as HTML text: never markup."""
    return escape(str(value), quote=True)


def dark() -> bool:
    """Whether the reader's page is dark."""
    return st.context.theme.type == "dark"


def colors() -> Mapping[str, str]:
    """The palette of the reader's page."""
    return theme.palette(dark=dark())


def html(body: str, *, width: Literal["stretch", "content"] = "stretch") -> None:
    """Put HTML made by this module on the page."""
    st.html(body, width=width)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> str:
    """A table; ``right`` are the positions of the columns of numbers."""
    aligned = frozenset(right)

    def cells(tag: str, values: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=r' if i in aligned else ''}>{text(value)}</{tag}>" for i, value in enumerate(values)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<table class="ds-table"><thead><tr>{cells("th", columns)}</tr></thead><tbody>{body}</tbody></table>'


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """A list of name and value; pairs whose value is empty are left out."""
    body = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in pairs if value)
    return f'<dl class="ds-facts">{body}</dl>'


def named(sentence: str) -> str:
    """A sentence with names in `backticks`, which are set as names."""
    parts = [
        f"<code>{text(part)}</code>" if number % 2 else text(_unbroken(part))
        for number, part in enumerate(sentence.split("`"))
    ]
    return f'<div class="ds-say">{"".join(parts)}</div>'


def _unbroken(words: str) -> str:
    """Words in which no line breaks between a number and its unit."""
    return _MEASURE.sub(lambda found: found[0].replace(" ", "\u00a0"), words)


def link(words: str, href: str, *, title: str = "") -> str:
    """A link to a page of ours, in the same tab."""
    return f'<a href="{text(href)}" target="_self" title="{text(title or words)}">{text(words)}</a>'


def heading(words: str) -> str:
    """A small heading over a table or a strip."""
    return f'<h6 class="ds-head">{text(words)}</h6>'


def beside(left: str, right: str) -> str:
    """Two halves, one above the other where the page is narrow."""
    return f'<div class="ds-halves"><div>{left}</div><div>{right}</div></div>'


def note(sentence: str) -> str:
    """A sentence."""
    return f'<div class="ds-note">{text(sentence)}</div>'


def strip(parts: Sequence[tuple[str, float, str, str]], *, label: str) -> str:
    """A bar of (name, share of 1, colour, words), and its legend; ``label`` is what a screen reader says."""
    bars = "".join(
        f'<div style="flex:{share:.6f} 1 0;background:{color};color:{theme.text_on(color)}" title="{text(words)}">'
        f"{text(name) if share > 0.09 else ''}</div>"
        for name, share, color, words in parts
        if share > 0
    )
    keys = "".join(
        f'<span><i style="background:{color}"></i>{text(words)}</span>' for _, share, color, words in parts if share > 0
    )
    return (
        f'<div class="ds-strip" role="img" aria-label="{text(label)}">{bars}</div><div class="ds-legend">{keys}</div>'
    )
