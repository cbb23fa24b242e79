"""What changed between A and B, in words and numbers; colour says better or worse, never just up or down."""

from typing import Any, Final

import pandas as pd
import streamlit as st

from durascope_dashboard import units
from durascope_dashboard.analysis.compare import Comparison, Delta
from durascope_dashboard.panels import grid, markup

NAMES: Final = {
    "duration_ms": "Wall time", "busy_ms": "Busy (model, tools, activities)", "time_model_ms": "Model",
    "time_tool_ms": "Tools", "time_activity_ms": "Other activities", "time_queue_ms": "Queue wait",
    "time_backoff_ms": "Backoff", "time_external_wait_ms": "Human / external wait", "time_timer_ms": "Timers",
    "time_workflow_task_ms": "Workflow tasks", "time_unexplained_ms": "Unexplained", "operations": "Operations",
    "attempts": "Attempts", "retries": "Retries", "failed_attempts": "Failed attempts", "model_calls": "Model calls",
    "tool_calls": "Tool calls", "billed_input": "Input tokens", "billed_cached_input": "of them cached",
    "billed_output": "Output tokens", "billed_reasoning": "of them reasoning", "wasted_tokens": "Wasted tokens",
    "waste_share": "Waste", "unknown_attempts": "Attempts of unknown usage", "cost_billed": "Cost",
    "cost_wasted": "Wasted cost",
}  # fmt: skip
_CLASSES: Final = (
    "time_model_ms", "time_tool_ms", "time_activity_ms", "time_queue_ms", "time_backoff_ms", "time_external_wait_ms",
    "time_timer_ms", "time_workflow_task_ms", "time_unexplained_ms",
)  # fmt: skip


def words(value: float | None, unit: str, *, signed: bool = False) -> str:
    """A number with its unit; ``signed`` puts a plus before what rose."""
    if value is None:
        return units.UNKNOWN
    if unit == "share":
        found = f"{100 * value:.1f} %".replace("-", "−")
    elif unit == "ms":
        found = units.duration(value) if abs(value) >= 1 or value == 0 else "<1 ms"
    elif unit == "usd":
        found = units.money(value)
    else:
        whole = float(value).is_integer()
        found = f"{value:,.0f}".replace("-", "−") if whole else f"{value:,.1f}".replace("-", "−")
    return f"+{found}" if signed and value > 0 and found[0] != "<" else found


def headline(found: Comparison) -> str:
    """One sentence: how much longer B took, and which classes of time made it so."""
    by_name = {delta.name: delta for delta in found.deltas}
    change = by_name["duration_ms"].change
    if change is None:
        return "How long they took cannot be compared: one of the durations is unknown."
    parts = [(NAMES[name].lower(), by_name[name].change or 0.0) for name in _CLASSES]
    parts = sorted((p for p in parts if p[1] * change > 0), key=lambda p: -abs(p[1]))[:3]
    a = by_name["duration_ms"].a or 0.0
    share = f" ({100 * change / a:+.0f} %)".replace("-", "−") if a else ""
    if abs(change) < 1:
        return "Both took the same time."
    start = f"B took {units.duration(abs(change))} {'longer' if change > 0 else 'less'} than A{share}"
    why = ", ".join(f"{name} {words(value, 'ms', signed=True)}" for name, value in parts)
    return f"{start}: {why}." if why else f"{start}."


def shown(delta: Delta) -> bool:
    """Whether a row says anything: a zero on both sides does not."""
    return bool(delta.a) or bool(delta.b) or (delta.a is None) != (delta.b is None)


def verdict(delta: Delta) -> str:
    """``▲ worse``, ``▼ better``: the sign is the direction, the word the meaning."""
    if not delta.change:
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
            "share": [_share(d) for d in rows],
            "verdict": [verdict(d) for d in rows],
        }
    )
    colors = markup.colors()

    def paint(row: "pd.Series[Any]") -> list[str]:
        better = rows[int(str(row.name))].better
        style = "" if better is None else f"color: {colors['good' if better else 'bad']}; font-weight: 600"
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
            row_height=28, height=38 + 28 * len(rows), column_config=configured,
        )  # fmt: skip
    grid.downloads(frame(found), "deltas")


def _share(delta: Delta) -> str:
    if delta.change is None or not delta.a or delta.unit == "share" or not delta.change:
        return ""
    return f"{100 * delta.change / delta.a:+.0f} %".replace("-", "−")
