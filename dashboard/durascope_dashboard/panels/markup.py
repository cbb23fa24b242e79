"""The only place that makes HTML. Everything that comes from data goes through :func:`text`; a test holds it to that.

Tables are HTML rather than canvas where they are short: they print, they wrap, and a screen reader reads them.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final, Literal

import streamlit as st

from durascope_dashboard import theme

_BORDER: Final = "color-mix(in srgb, currentColor 18%, transparent)"
STYLE: Final = f"""<style>
[class*="st-key-timeline_base"] {{ display: none; }}
.st-key-words {{ min-height: 42px; }}
.st-key-words > :first-child {{ display: none; }}
.st-key-details [data-testid="stCode"] code {{ font-size: 11.5px; line-height: 1.4; }}
.st-key-details [data-testid="stCode"] pre {{ padding: 8px; }}
@media print {{ .st-key-details {{ height: auto !important; overflow: visible !important; }} }}
.ds-table {{ border-collapse: collapse; font-size: 13px; line-height: 1.35; width: 100%;
  font-variant-numeric: tabular-nums; }}
.ds-table th {{ font-weight: 600; opacity: .75; font-size: 12px; text-align: left; }}
.ds-table th, .ds-table td {{ padding: 3px 9px 3px 0; border-bottom: 1px solid {_BORDER}; vertical-align: top; }}
.ds-table .r {{ text-align: right; white-space: nowrap; }}
.ds-table td {{ overflow-wrap: anywhere; }}
.ds-strip {{ display: flex; height: 24px; border-radius: 5px; overflow: hidden; }}
.ds-strip div {{ min-width: 0; overflow: hidden; white-space: nowrap; font-size: 12px; font-weight: 600;
  line-height: 24px; padding-left: 6px; box-sizing: border-box; }}
.ds-legend {{ display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 12.5px; margin-top: 5px;
  font-variant-numeric: tabular-nums; }}
.ds-legend i {{ display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 5px; }}
dl.ds-facts {{ margin: 2px 0 0 !important; padding: 0 !important; display: grid; gap: 1px 12px;
  grid-template-columns: max-content 1fr;  font-size: 13px; line-height: 1.45; }}
.ds-facts dt {{ opacity: .72; }}
.ds-facts dt, .ds-facts dd {{ margin: 0; padding: 0; font-weight: 400; }}
.ds-facts dd {{ overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }}
.ds-table td, .ds-facts dd, .ds-note, .ds-mono {{ unicode-bidi: isolate; }}
.ds-say {{ font-size: 14px; line-height: 1.5; overflow-wrap: anywhere; unicode-bidi: isolate;
  max-width: 170ch; min-height: 42px; }}
.ds-say code {{ font: 600 12.5px ui-monospace, monospace; padding: 0 2px; background: none; color: inherit; }}
.ds-note {{ font-size: 13px; overflow-wrap: anywhere; }}
.ds-mono {{ font-family: ui-monospace, monospace; font-size: 12px; white-space: pre-wrap; overflow-wrap: anywhere; }}
</style>"""


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
    st.html(STYLE + body, width=width)


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
        f"<code>{text(part)}</code>" if number % 2 else text(part) for number, part in enumerate(sentence.split("`"))
    ]
    return f'<div class="ds-say">{"".join(parts)}</div>'


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
