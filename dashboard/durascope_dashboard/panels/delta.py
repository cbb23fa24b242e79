"""What changed between A and B, in words and numbers; colour says better or worse, never just up or down."""

from typing import Any

import pandas as pd
import streamlit as st

from durascope_dashboard.analysis.compare import Comparison, Delta
from durascope_dashboard.analysis.headline import NAMES, headline, share, words
from durascope_dashboard.panels import grid, markup


def shown(delta: Delta) -> bool:
    """Whether a row says anything: what is the same on both sides does not, but for how long they took."""
    return delta.name == "duration_ms" or not (delta.negligible or (delta.a is None and delta.b is None))


def verdict(delta: Delta) -> str:
    """``▲ worse``, ``▼ better``: the sign is the direction, the word the meaning."""
    if not delta.change or delta.slight:
        return ""
    sign = "▲" if delta.change > 0 else "▼"
    return sign if delta.better is None else f"{sign} {'better' if delta.better else 'worse'}"


def frame(found: Comparison) -> pd.DataFrame:
    """The exact numbers, one row each: what is downloaded."""
    rows: list[dict[str, Any]] = [
        {"name": d.name, "unit": d.unit, "a": d.a, "b": d.b, "change": d.change, "better": d.better}
        for d in found.deltas
    ]
    return pd.DataFrame(rows)


def draw(found: Comparison, a: str, b: str) -> None:
    """The table; ``a`` and ``b`` name the sides."""
    rows = [delta for delta in found.deltas if shown(delta)]
    table = pd.DataFrame(
        {
            "what": [NAMES.get(d.name, d.name) for d in rows],
            "a": [words(d.a, d.unit) for d in rows],
            "b": [words(d.b, d.unit) for d in rows],
            "change": [words(d.change, d.unit, signed=True) for d in rows],
            "share": ["" if d.unit == "share" else share(d) for d in rows],
            "verdict": [verdict(d) for d in rows],
        }
    )
    colors = markup.colors()

    def paint(row: "pd.Series[Any]") -> list[str]:
        delta = rows[int(str(row.name))]
        style = "" if delta.better is None else f"color: {colors['good' if delta.better else 'bad']}; font-weight: 600"
        style = f"color: {colors['muted']}" if delta.slight else style
        return [style if name in ("change", "share", "verdict") else "" for name in row.index]

    column = st.column_config.TextColumn
    configured = {
        "what": column("", width=200), "a": column(a, alignment="right"), "b": column(b, alignment="right"),
        "change": column("Change", alignment="right"), "share": column("%", alignment="right", width=80),
        "verdict": column(f"{b} is", width=100),
    }  # fmt: skip
    with st.container(key="deltas_table"):
        st.dataframe(
            table.style.apply(paint, axis=1), hide_index=True, key="deltas", alt="What changed from A to B",
            row_height=28, height=31 + 28 * len(rows), column_config=configured,
        )  # fmt: skip
    grid.downloads(frame(found), "deltas")


__all__ = ["NAMES", "draw", "frame", "headline", "shown", "verdict", "words"]
