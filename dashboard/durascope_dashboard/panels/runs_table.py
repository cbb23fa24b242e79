"""Runs as a table: one function from the query's frame to what is displayed, with units in the cells."""

import json
from typing import Any, Final

import pandas as pd
import streamlit as st

from durascope_dashboard import data, units
from durascope_dashboard.panels import status

_column = st.column_config
CELLS: Final[dict[str, Any]] = {
    "status": _column.TextColumn("Status", width=120, pinned=True),
    "workflow_id": _column.TextColumn("Run", width=210, pinned=True, help="Workflow id"),
    "workflow_type": _column.TextColumn("Type", width=140),
    "started": _column.DatetimeColumn("Started (UTC)", format="MMM DD HH:mm:ss", timezone="UTC", width=125),
    "duration": _column.TextColumn("Duration", alignment="right", width=85),
    "bar": _column.ProgressColumn("", format=" ", min_value=0, max_value=1, width=70, help="Against the longest here"),
    "attempts": _column.TextColumn("Attempts", alignment="right", width=85, help="All, and most of one operation"),
    "spark": _column.BarChartColumn("By operation", width=95, help="Attempts of each operation, in order", y_min=0),
    "now": _column.TextColumn("Now", width=220, help="What an open run does, its attempt, and its next retry"),
    "queue": _column.TextColumn("Queue p95", alignment="right", width=85),
    "tokens": _column.TextColumn("Tokens", alignment="right", width=80, help="Billed: input + output"),
    "waste": _column.TextColumn("Waste", alignment="right", width=65, help="Tokens of lost results"),
    "cost": _column.TextColumn("Cost", alignment="right", width=80),
    "agents": _column.TextColumn("Agents", width=160),
}  # fmt: skip


def display(runs: pd.DataFrame, now: int) -> pd.DataFrame:
    """The query's rows as the table shows them; same order, same number."""
    rows = data.rows(runs)
    longest = max((row["duration_ms"] or 0 for row in rows), default=0) or 1
    return pd.DataFrame([_cells(row, longest, now) for row in rows], columns=list(CELLS))


def _cells(row: data.Row, longest: float, now: int) -> dict[str, Any]:
    billed = total(row, "billed")
    return {
        "status": status.words(row["status"]),
        "workflow_id": row["workflow_id"],
        "workflow_type": row["workflow_type"],
        "started": pd.Timestamp(row["started"], unit="us", tz="UTC") if row["started"] else None,
        "duration": units.duration(row["duration_ms"]),
        "bar": (row["duration_ms"] or 0) / longest,
        "attempts": _attempts(row),
        "spark": spark(row["spark"]),
        "now": _current(row, now),
        "queue": units.duration(row["queue_p95_ms"]),
        "tokens": units.count(billed) + ("+?" if row["unknown_attempts"] and billed is not None else ""),
        "waste": units.percent(total(row, "wasted"), billed),
        "cost": units.money(row["cost_billed"]),
        "agents": ", ".join(data.names(row["agents"])),
    }


def total(row: data.Row, part: str) -> int | None:
    """Input + output tokens of one part of the ledger; None if nothing is known."""
    values = [row[f"{part}_input"], row[f"{part}_output"]]
    return None if values == [None, None] else sum(v or 0 for v in values)


def _attempts(row: data.Row) -> str:
    if row["attempts"] is None:
        return units.UNKNOWN
    most = row["max_attempt"] or 0
    return f"{row['attempts']}" + (f" · max {most}" if most > 1 else "")


def spark(value: Any) -> list[int]:
    """Attempts of each operation; at most 40 bars, each the maximum of its share."""
    try:
        numbers = [int(n or 0) for n in json.loads(value)] if isinstance(value, str) else []
    except (ValueError, TypeError):
        return []
    step = -(-len(numbers) // 40) or 1
    return [max(numbers[i : i + step]) for i in range(0, len(numbers), step)]


def _current(row: data.Row, now: int) -> str:
    if row["status"] != "running" or not row["current_operation"]:
        return ""
    text = str(row["current_operation"])
    if row["current_attempt"]:
        limit = row["current_max_attempts"]
        text += f" · {row['current_attempt']}/{limit or '∞'}"
    if row["next_retry"] and row["next_retry"] > now:
        text += f" · retry in {units.duration((row['next_retry'] - now) / 1000)}"
    elif row["waiting_for"]:
        text += f" · waits for {row['waiting_for']}"
    return text
