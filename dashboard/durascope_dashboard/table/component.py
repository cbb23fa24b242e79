"""Mounts the table as a Streamlit component (v2): what is in it goes over as words, and numbers beside them to sort by.

Not ``st.dataframe``: its scripts are 1.7 MB in thirty files and its cells are painted on a canvas, so that a browser
which comes for the first time waits for them, and no cell can be a link.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Final, Literal

import streamlit as st

from durascope_dashboard import inline, theme

SCRIPTS: Final = ("cells", "order", "columns", "ticks", "table")
ROLES: Final = ("good", "bad", "accent", "line", "panel", "select", "muted", "text", "ground")
_TURN: Final = "table_turn"
Kind = Literal["text", "number", "status", "link", "bar", "spark"]  # bar: words and a share of 1


@dataclass(frozen=True)
class Column:
    """One column. ``width``: its least, px; ``grow``: its share of what is left of the page's width, 0 for none.

    Words of a text are broken into two lines before they are cut.
    """

    title: str
    width: int
    kind: Kind = "number"
    grow: float = 0.0
    help: str = ""


@dataclass(frozen=True)
class Row:
    """One row: an ``id`` that stays its own, where it leads, and (words, what to sort by) of each column by name."""

    id: str
    link: Mapping[str, str]
    href: str
    cells: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Said:
    """What a person has just done: the ids of all ticked rows in sight, or the link that was followed; else None."""

    ticked: list[str] | None = None
    opened: dict[str, str] | None = None


@cache
def _component() -> Callable[..., Any]:
    colors = "".join(f"--{role}: light-dark({theme.LIGHT[role]}, {theme.DARK[role]}); " for role in ROLES)
    css = f".table {{ {colors}}}\n" + inline.style("durascope_dashboard.table", "table")
    found: Callable[..., Any] = st.components.v2.component(
        "durascope_table",
        html='<div class="table-host"></div>',
        css=css,
        js=inline.script("durascope_dashboard.table", SCRIPTS),
    )
    return found


def show(
    columns: Mapping[str, Column], shown: Sequence[str], rows: Sequence[Row], *, key: str, label: str, view: str,
    ticked: Sequence[str],
) -> Said:  # fmt: skip
    """Draw it. ``shown``: the columns in their order, the others can be chosen. Another ``view`` begins at its top.

    ``ticked`` is what the page's link says; it counts once every tick of this person has been answered.
    """
    data = {
        "label": label, "view": view, "ticked": list(ticked), "turn": st.session_state.get(_TURN, 0),
        "columns": [{"name": name, **asdict(column)} for name, column in columns.items()], "shown": list(shown),
        "rows": [{"id": row.id, "link": dict(row.link), "href": row.href, "cells": list(row.cells.values())}
                 for row in rows],
    }  # fmt: skip
    # What was ticked is answered with its turn, so it is read before the table is sent.
    said = st.session_state.get(key) or {}
    if (ticks := said.get("ticked")) is not None:
        data["turn"] = st.session_state[_TURN] = int(ticks["turn"])
        data["ticked"] = [str(each) for each in ticks["ids"]]
    result = _component()(key=key, data=data, on_ticked_change=inline.ignore, on_opened_change=inline.ignore)
    ticks, opened = result.get("ticked"), result.get("opened")
    return Said(
        None if ticks is None else [str(each) for each in ticks["ids"]],
        None if opened is None else {str(name): str(value) for name, value in opened.items()},
    )
