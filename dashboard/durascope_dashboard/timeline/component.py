"""Mounts the canvas timeline as a Streamlit component (v2).

Its files travel inline: Streamlit finds an installed package's asset folder only inside the package named like the
distribution, which is the light worker-side one. The browser keeps the script by its hash all the same.
"""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, Final

import streamlit as st

from durascope_dashboard import theme
from durascope_dashboard.timeline.rows import Timeline

# One module: each file uses only what stands before it, apart from functions called later.
SCRIPTS: Final = ("model", "axis", "layout", "paint", "lines", "chrome", "toolbar", "input", "view")


def script() -> str:
    """The component's JavaScript, one ES module."""
    folder = files("durascope_dashboard.timeline") / "assets"
    return "\n".join((folder / f"{name}.js").read_text("utf-8") for name in SCRIPTS)


@cache
def _component() -> Callable[..., Any]:
    css = (files("durascope_dashboard.timeline") / "assets" / "timeline.css").read_text("utf-8")
    found: Callable[..., Any] = st.components.v2.component(
        "durascope_timeline", html='<div class="ds-host"></div>', css=css, js=script()
    )
    return found


def show(timeline: Timeline, *, key: str, run_key: str, selected: str | None, select_seq: int) -> str | None:
    """Draw it; answers the id of the row that was selected by hand, None if none was.

    ``selected`` counts only when ``select_seq`` rises: an older answer must not undo a newer click.
    """
    data = {
        "rows": timeline.rows,
        "segments": timeline.segments,
        "meta": {
            "key": run_key, "origin": timeline.origin, "end": timeline.end, "open": timeline.open,
            "selected": selected or "", "select_seq": select_seq,
            "palettes": {"light": theme.palette(dark=False), "dark": theme.palette(dark=True)},
        },
    }  # fmt: skip
    result = _component()(key=key, data=data, on_selected_change=_ignore)
    chosen = result.get("selected") if hasattr(result, "get") else None
    return str(chosen) if chosen else None


def _ignore() -> None:
    """Streamlit makes a state value only for names that have a callback."""
