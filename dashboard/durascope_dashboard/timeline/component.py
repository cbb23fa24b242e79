"""Mounts the canvas timeline as a Streamlit component (v2).

Its files travel inline: Streamlit finds an installed package's asset folder only inside the package named like the
distribution, which is the light worker-side one. The browser keeps the script by its hash all the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import streamlit as st

from durascope_dashboard import inline, theme
from durascope_dashboard.timeline.payload import WHOLE_BELOW, Base, Delta, delta, tables
from durascope_dashboard.timeline.rows import Timeline

# One module: each file uses only what stands before it, apart from functions called later.
SCRIPTS: Final = (
    "model",
    "words",
    "merge",
    "axis",
    "layout",
    "lanes",
    "paint",
    "lines",
    "chrome",
    "toolbar",
    "input",
    "link",
    "view",
)
BASE_KEY: Final = "timeline_base"
SENT_KEY: Final = "timeline_sent"  # in the session; under a component's own key Streamlit would copy it each time
SETTLED_KEY: Final = "timeline_settled"


@dataclass(frozen=True)
class Said:
    """What a person did: the row selected by hand, and the last shut row that was opened; None if none was."""

    selected: str | None
    opened: str | None


def script() -> str:
    """The component's JavaScript, one ES module."""
    return inline.script("durascope_dashboard.timeline", SCRIPTS)


@cache
def _component() -> Callable[..., Any]:
    css = inline.style("durascope_dashboard.timeline", "timeline")
    found: Callable[..., Any] = st.components.v2.component(
        "durascope_timeline", html='<div class="ds-host"></div>', css=css, js=script()
    )
    return found


def show(timeline: Timeline, *, key: str, run_key: str, selected: str | None, select_seq: int) -> Said:
    """Draw it. ``selected`` counts only when ``select_seq`` rises: an older answer must not undo a newer click."""
    meta = {
        "key": run_key, "origin": timeline.origin, "end": timeline.end, "now": timeline.now,
        "count": len(timeline.lines), "selected": selected or "", "select_seq": select_seq,
        "palettes": {"light": theme.palette(dark=False), "dark": theme.palette(dark=True)},
    }  # fmt: skip
    rows, segments, base = _parts(timeline, run_key)
    data = {"rows": rows, "segments": segments, "meta": meta | {"base": base}}
    result = _component()(key=key, data=data, on_selected_change=inline.ignore, on_opened_change=inline.ignore)
    return Said(_told(result.get("selected"), run_key), _told(result.get("opened"), run_key))


def opened(key: str, run_key: str) -> str | None:
    """The row that was opened last, known before the timeline is drawn again."""
    return _told(st.session_state.get(key, {}).get("opened"), run_key)


def settle(timeline: Timeline, run_key: str) -> None:
    """Send what a long timeline builds on, if it is one. Outside of the fragment that has ``show``: a click draws that
    again, and megabytes need not be read again for it.
    """
    if timeline.count > WHOLE_BELOW:
        st.session_state[SETTLED_KEY] = _send(_based(timeline, run_key)[0], BASE_KEY)


def _parts(timeline: Timeline, run_key: str) -> tuple[Any, Any, str]:
    """Rows and segments to send, on top of which base; a base that ``settle`` could not foresee is sent here."""
    if timeline.count <= WHOLE_BELOW:
        st.session_state.pop(SENT_KEY, None)
        return (*tables(timeline.lines, range(len(timeline.lines))), "")
    base, changed = _based(timeline, run_key)
    if base.name != st.session_state.get(SETTLED_KEY):
        _send(base, f"{BASE_KEY}_anew")
    return changed.rows, changed.segments, base.name


def _based(timeline: Timeline, run_key: str) -> tuple[Base, Delta]:
    """The base to build on, the last one if that will do, and what the timeline has beyond it."""
    base, last, changed = st.session_state.get(SENT_KEY, (None, None, None))
    if base is None or base.run_key != run_key:
        base, last = Base.of(timeline, run_key), None
    if last is not timeline:
        changed = delta(base, timeline)
    if changed is None:
        base = Base.of(timeline, run_key)
        changed = delta(base, timeline)
        assert changed is not None  # nothing has changed since just now
    st.session_state[SENT_KEY] = (base, timeline, changed)
    return base, changed


def _send(base: Base, key: str) -> str:
    # Streamlit sends a large message that the browser has by its hash only: the base must be a message of its own.
    _component()(key=key, data={"rows": base.rows, "segments": base.segments, "meta": {"defines": base.name}})
    return base.name


def _told(value: object, run_key: str) -> str | None:
    """A row's id, if it was told of this run: Streamlit keeps the last value when the page goes on to another."""
    run, _, row = str(value or "").rpartition("\n")
    return row if row and run == run_key else None
