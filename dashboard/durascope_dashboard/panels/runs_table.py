"""Runs as a table: from the query's frame to what is displayed. Numbers sort as numbers and read with their units."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import pandas as pd
import streamlit as st

from durascope_dashboard import data, units
from durascope_dashboard.panels import markup, status

_column = st.column_config
SPARK_PEAK: Final = 5
"""Attempts that a full bar of a sparkline stands for, in every row: a run without a retry is a low line, not a wall."""
CELLS: Final[dict[str, Any]] = {
    "status": _column.TextColumn("Status", width=92),
    "workflow_id": _column.TextColumn("Run", width=160, help="Workflow id; click to open the run"),
    "workflow_type": _column.TextColumn("Type", width=118),
    "started": _column.DatetimeColumn("Started (UTC)", format="MMM DD HH:mm:ss", timezone="UTC", width=108),
    "duration": _column.NumberColumn("Duration", alignment="right", width=68),
    "bar": _column.ProgressColumn("Bar", format=" ", min_value=0, max_value=1, width=40, color="gray",
                                  help="Duration against the longest closed run in the table"),
    "attempts": _column.NumberColumn("Attempts", alignment="right", width=76, help="Of all operations together; max: "
                                     "most attempts of one operation"),
    "spark": _column.BarChartColumn("Retries", width=54, y_min=0, y_max=SPARK_PEAK, color="gray", help="Attempts of "
                                    f"each operation, in order; a full bar is {SPARK_PEAK} or more"),
    "what": _column.TextColumn("Now, or last error", width=162, help="What an open run does, its attempt and its next "
                               "retry; of a closed run the last attempt that failed"),
    "now": _column.TextColumn("Now", width=260, help="What an open run does, its attempt, and its next retry"),
    "why": _column.TextColumn("Last error", width=250, help="Of the last attempt that failed"),
    "queue": _column.NumberColumn("Queue", alignment="right", width=60, help="Wait for a worker, p95 of its attempts"),
    "tokens": _column.NumberColumn("Tokens", alignment="right", width=62, help="Billed, input + output; +? if the "
                                   "usage of some attempts is unknown"),
    "waste": _column.NumberColumn("Waste", alignment="right", width=54, help="Share of tokens of lost results"),
    "cost": _column.NumberColumn("Cost", alignment="right", width=62),
    "backoff": _column.NumberColumn("Max backoff", alignment="right", width=90, help="Longest wait between attempts"),
    "agents": _column.TextColumn("Agents", width=80),
}  # fmt: skip
# All runs, and what each trouble is about: first the columns that tell it. Each list fits into 1280 pixels.
EVERYTHING: Final = ("status", "workflow_id", "workflow_type", "started", "duration", "bar", "attempts", "spark",
                     "what", "queue", "tokens", "waste", "cost", "agents")  # fmt: skip
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "Retrying now": ("workflow_id", "workflow_type", "now", "why", "attempts", "duration", "started", "tokens",
                     "cost"),
    "Longest backoff": ("status", "workflow_id", "workflow_type", "backoff", "why", "attempts", "spark", "duration",
                        "started", "tokens"),
    "No heartbeat": ("workflow_id", "workflow_type", "now", "duration", "why", "attempts", "started", "agents"),
    "Waiting for a human": ("workflow_id", "workflow_type", "now", "duration", "started", "attempts", "tokens", "cost",
                            "agents"),
    "Queue-starved": ("status", "workflow_id", "workflow_type", "queue", "now", "duration", "bar", "attempts",
                      "started", "agents"),
    "Workflow-task problem": ("status", "workflow_id", "workflow_type", "why", "now", "duration", "started"),
    "Most wasted tokens": ("status", "workflow_id", "workflow_type", "waste", "cost", "tokens", "why", "attempts",
                           "duration", "started"),
    "Over token budget": ("status", "workflow_id", "workflow_type", "tokens", "cost", "waste", "what", "attempts",
                          "duration", "started", "agents"),
}  # fmt: skip


def order(trouble: str) -> list[str]:
    """Names of the columns of a view."""
    return list(COLUMNS.get(trouble, EVERYTHING))


def display(runs: pd.DataFrame, now: int, errors: Mapping[str, data.Row] | None = None) -> pd.DataFrame:
    """The query's rows as the table has them; same order, same number. ``errors``: ``last_errors`` by run id."""
    rows = data.rows(runs)
    closed = [row["duration_ms"] or 0 for row in rows if row["status"] != "running"]
    longest = max(closed or [row["duration_ms"] or 0 for row in rows], default=0) or 1
    return pd.DataFrame([_cells(row, longest, now, (errors or {}).get(row["run_id"])) for row in rows],
                        columns=[*CELLS, "most"])  # fmt: skip


def styled(frame: pd.DataFrame, unknown: list[int]) -> Any:
    """The frame with words for its numbers; ``unknown`` are the unseen attempts of each row."""
    styler = frame.style.format(_WORDS)
    seen_in_part = [i for i, count in enumerate(unknown) if count and units.known(frame["tokens"].iloc[i])]
    if seen_in_part:
        styler = styler.format(_at_least, subset=pd.IndexSlice[seen_in_part, ["tokens"]])
    for most in sorted({int(n) for n in frame["most"] if units.known(n) and n > 1}):
        styler = styler.format(_tried(most), subset=pd.IndexSlice[frame["most"] == most, ["attempts"]])
    colors = markup.colors()
    tones = {sign: colors[tone] for sign, tone in _TONES.items()}
    return styler.map(lambda text: f"color: {tones[text[:1]]}" if text[:1] in tones else "", subset=["status"])


def _tried(most: int) -> Callable[[Any], str]:
    return lambda value: f"{_plain(value)} · max {most}"


def _at_least(value: Any) -> str:
    return f"{units.count(value)}+?"


def _plain(value: Any) -> str:
    return f"{value:,.0f}" if units.known(value) else units.UNKNOWN


def _share(value: Any) -> str:
    return units.percent(value, 1.0)


_WORDS: Final[dict[Any, Any]] = {
    "duration": units.duration, "queue": units.duration, "backoff": units.duration, "cost": units.money,
    "tokens": units.count, "waste": _share, "attempts": _plain, "most": _plain,
}  # fmt: skip
_TONES: Final = {"✕": "bad", "◷": "bad", "■": "bad", "●": "accent", "✓": "good"}


def _cells(row: data.Row, longest: float, now: int, error: data.Row | None) -> dict[str, Any]:
    billed = total(row, "billed")
    return {
        "status": status.words(row["status"]),
        "workflow_id": row["workflow_id"],
        "workflow_type": row["workflow_type"],
        "started": pd.Timestamp(row["started"], unit="us", tz="UTC") if row["started"] else None,
        "duration": _number(row["duration_ms"]),
        "bar": min(1.0, (row["duration_ms"] or 0) / longest),
        "attempts": _number(row["attempts"]),
        "most": _number(row["max_attempt"]),
        "spark": spark(row["spark"]),
        "what": _current(row, now) or why(row, error),
        "now": _current(row, now),
        "why": why(row, error),
        "tokens": _number(billed),
        "waste": _number(share_wasted(row)),
        "cost": _number(row["cost_billed"]),
        "queue": _number(row["queue_p95_ms"]),
        "backoff": _number(row["max_backoff_ms"] or None),
        "agents": ", ".join(data.names(row["agents"])),
    }


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def total(row: data.Row, part: str) -> int | None:
    """Input + output tokens of one part of the ledger; None if nothing is known."""
    values = [row[f"{part}_input"], row[f"{part}_output"]]
    return None if values == [None, None] else sum(v or 0 for v in values)


def share_wasted(row: data.Row) -> float | None:
    """Of the tokens of a run, or of many together, the part that was wasted; None if all that may be is unseen."""
    billed, wasted = total(row, "billed"), total(row, "wasted")
    if not billed or wasted is None or (not wasted and row["unknown_attempts"]):
        return None
    return wasted / billed


def spark(value: Any) -> list[int]:
    """Attempts of each operation up to the peak; at most 24 bars, each the maximum of its share."""
    try:
        numbers = [int(n or 0) for n in json.loads(value)] if isinstance(value, str) else []
    except (ValueError, TypeError):
        return []
    step = -(-len(numbers) // 24) or 1
    return [min(SPARK_PEAK, max(numbers[i : i + step])) for i in range(0, len(numbers), step)]


def why(row: data.Row, error: data.Row | None) -> str:
    """``RateLimitError: 429: slow down (asked by the server)``; the failure of a run that has failed."""
    if row["failure_type"] or row["failure_message"]:
        return _said(row["failure_type"], row["failure_message"])
    if error is None:
        return str(row["last_error_type"] or "") if row["retries"] else ""
    by = " · wait asked by the server" if error["retry_by"] == "server" else ""
    return _said(error["error_type"], error["error_message"]) + by


def _said(kind: Any, message: Any) -> str:
    words = [str(part) for part in (kind, message) if part]
    return ": ".join(words[1:] if len(words) == 2 and words[1].startswith(words[0]) else words)


def _current(row: data.Row, now: int) -> str:
    if row["status"] != "running" or not row["current_operation"]:
        return ""
    text = str(row["current_operation"])
    if row["waiting_for"] in ("timer", "human") and text in ("timer", "waiting"):
        return f"waits for a {row['waiting_for']}"
    if row["current_attempt"]:
        limit = row["current_max_attempts"]
        text += f" · attempt {row['current_attempt']}/{limit or '∞'}"
    if row["next_retry"] and row["next_retry"] > now:
        text += f" · retry in {units.duration((row['next_retry'] - now) / 1000)}"
    elif row["waiting_for"]:
        text += f" · waits for {row['waiting_for']}"
    return text
