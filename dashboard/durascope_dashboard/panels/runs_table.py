"""Runs as a table: from the query's frame to what is displayed. Numbers sort as numbers and read with their units."""

import json
import re
from collections.abc import Mapping
from math import log10
from typing import Any, Final

import pandas as pd

from durascope_dashboard import data, links, units
from durascope_dashboard.panels import grid, status
from durascope_dashboard.table.component import Column, Row

_SAYS_NOTHING: Final = re.compile(r"^(?:(?:non.)?retryable )?OpenAI status code: ", re.IGNORECASE)
"""What every API error of the OpenAI integration begins with; its number is what tells."""
_BAR: Final = "A full bar is the longest run of the table, two thirds are a tenth of it, one third a hundredth"
_LEAST_BAR: Final = 0.02
SPARK_PEAK: Final = 5
"""Attempts that a full bar of a sparkline stands for, in every row: a run without a retry is a low line, not a wall."""
CELLS: Final[Mapping[str, Column]] = {
    "status": Column("Status", 92, "status"),
    "workflow_id": Column("Run", 160, "link", 3, "Workflow id; click to open the run"),
    "workflow_type": Column("Type", 112, "text", 2),
    "started": Column("Started (UTC)", 104),
    "duration": Column("Duration", 76, "bar", help=_BAR),
    "attempts": Column("Attempts", 78, help="Of all operations together; max: most attempts of one operation"),
    "spark": Column("Retries", 56, "spark", help=f"Attempts of each operation, in order; a full bar is {SPARK_PEAK} or "
                    "more"),
    "what": Column("Now, or last error", 146, "text", 5, "What an open run does, its attempt and its next retry; of a "
                   "closed run the last attempt that failed"),
    "now": Column("Now", 236, "text", 4, "What an open run does, its attempt, and its next retry"),
    "why": Column("Last error", 236, "text", 5, "Of the last attempt that failed"),
    "queue": Column("Queue", 60, help="Wait for a worker, p95 of its attempts"),
    "tokens": Column("Tokens", 62, help="Billed, input + output; +? if the usage of some attempts is unknown"),
    "waste": Column("Waste", 56, help="Share of tokens of lost results"),
    "cost": Column("Cost", 66),
    "backoff": Column("Max backoff", 92, help="Longest wait between attempts"),
    "agents": Column("Agents", 80, "text", 2),
}  # fmt: skip
# All runs, and what each trouble is about: first the columns that tell it. Each list fits into 1280 pixels.
EVERYTHING: Final = ("status", "workflow_id", "workflow_type", "started", "duration", "attempts", "spark",
                     "what", "queue", "tokens", "waste", "cost", "agents")  # fmt: skip
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "Retrying now": ("workflow_id", "workflow_type", "now", "why", "attempts", "duration", "started", "tokens",
                     "cost"),
    "Longest backoff": ("status", "workflow_id", "workflow_type", "backoff", "why", "attempts", "spark", "duration",
                        "started", "tokens"),
    "No heartbeat": ("workflow_id", "workflow_type", "now", "duration", "why", "attempts", "started", "agents"),
    "Waiting for a human": ("workflow_id", "workflow_type", "now", "duration", "started", "attempts", "tokens", "cost",
                            "agents"),
    "Queue-starved": ("status", "workflow_id", "workflow_type", "queue", "now", "duration", "attempts",
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


def rows(runs: pd.DataFrame, now: int, errors: Mapping[str, data.Row] | None = None) -> list[Row]:
    """The query's rows as the table has them; same order, same number. ``errors``: ``last_errors`` by run id."""
    found = data.rows(runs)
    longest = max((row["duration_ms"] or 0 for row in found), default=0)
    return [_row(row, longest, now, (errors or {}).get(row["run_id"])) for row in found]


def _row(row: data.Row, longest: float, now: int, error: data.Row | None) -> Row:
    link = links.key(row)
    return Row(str(row["run_id"]), link, links.run(row).removeprefix("/"), cells(row, longest, now, error))


def cells(row: data.Row, longest: float, now: int, error: data.Row | None) -> dict[str, tuple[Any, Any]]:
    """Words of each column in the order of ``CELLS``, and what it is sorted by; what is not known is None."""
    billed, wasted = total(row, "billed"), share_wasted(row)
    share, bars = _length(row["duration_ms"] or 0, longest), spark(row["spark"])
    current, failed = _current(row, now), why(row, error)
    found: dict[str, tuple[Any, Any]] = {
        "status": _text(status.words(row["status"])), "workflow_id": _text(row["workflow_id"]),
        "workflow_type": _text(row["workflow_type"]), "started": (grid.moment(row["started"]), row["started"]),
        "duration": ((units.duration(row["duration_ms"]), share), row["duration_ms"]),
        "attempts": (_tried(row), row["attempts"]), "spark": (bars, sum(bars)), "what": _text(current or failed),
        "now": _text(current), "why": _text(failed),
        "queue": (units.duration(row["queue_p95_ms"]), row["queue_p95_ms"]),
        "tokens": (_at_least(billed, row), billed), "waste": (units.percent(wasted, 1.0), wasted),
        "cost": (units.money(row["cost_billed"]), row["cost_billed"]),
        "backoff": (units.duration(row["max_backoff_ms"] or None), row["max_backoff_ms"] or None),
        "agents": _text(", ".join(data.names(row["agents"]))),
    }  # fmt: skip
    assert list(found) == list(CELLS)
    return found


def _length(ms: float, longest: float) -> float:
    """Of a bar, by the logarithm: beside one run of days those of an hour would all be a dot."""
    return max(_LEAST_BAR, 1 + log10(ms / longest) / 3) if ms > 0 else 0.0


def _text(words: Any) -> tuple[str, str]:
    return str(words or ""), str(words or "")


def _tried(row: data.Row) -> str:
    most = row["max_attempt"] or 0
    return units.UNKNOWN if row["attempts"] is None else f"{row['attempts']:,}" + (f" · max {most}" if most > 1 else "")


def _at_least(billed: int | None, row: data.Row) -> str:
    return units.count(billed) + ("+?" if row["unknown_attempts"] and billed is not None else "")


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
    words = [str(part) for part in (kind, _SAYS_NOTHING.sub("", message) if message else None) if part]
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
    if row["next_retry"] and row["next_retry"] > now:  # first: it is what a narrow column must not cut
        return f"retry in {units.duration((row['next_retry'] - now) / 1000)} · {text}"
    return f"{text} · waits for {row['waiting_for']}" if row["waiting_for"] else text
