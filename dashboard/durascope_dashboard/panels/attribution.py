"""Where did the time go: the run's wall-clock time in nine classes that sum to exactly all of it."""

from typing import Final

from durascope_dashboard import units
from durascope_dashboard.data import Row
from durascope_dashboard.panels import markup
from durascope_dashboard.store.schema import TIME_CLASSES

NAMES: Final = {
    "model": "model", "tool": "tools", "activity": "other activities", "queue": "queue wait", "backoff": "backoff",
    "external_wait": "external wait", "timer": "timers", "workflow_task": "workflow tasks",
    "unexplained": "unexplained",
}  # fmt: skip


def parts(row: Row) -> list[tuple[str, float]]:
    """(class, ms), only what there is, in the fixed order."""
    return [(name, row[f"time_{name}_ms"]) for name in TIME_CLASSES if row[f"time_{name}_ms"]]


STALE_MS: Final = 15_000.0
"""An open run is counted again every few seconds; its strip says so if it is older than this."""


def html(row: Row, now: int) -> str:
    """The strip with its heading and legend; ``now`` in µs."""
    found = parts(row)
    age = (now - row["updated"]) / 1000 if row["closed"] is None and row["updated"] is not None else 0.0
    head = markup.heading("Where did the time go" + (f" (counted {units.duration(age)} ago)" if age > STALE_MS else ""))
    whole = sum(ms for _, ms in found)
    if not whole:
        return head + markup.note("Where the time went is not known yet: nothing of this run has closed.")
    colors = markup.colors()
    bars = [
        (NAMES[name], ms / whole, colors[name], f"{NAMES[name]} {units.duration(ms)} · {units.percent(ms, whole)}")
        for name, ms in found
    ]
    return head + markup.strip(bars, label="Where the time went: " + "; ".join(bar[3] for bar in bars))
