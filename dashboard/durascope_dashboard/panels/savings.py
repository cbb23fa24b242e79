"""What retries cost a run, as a table: how much earlier it would have ended without each of them."""

from collections.abc import Iterable

from durascope_dashboard import units
from durascope_dashboard.analysis.what_if import Saving
from durascope_dashboard.panels import markup


def table(savings: Iterable[Saving], *columns: str) -> str:
    """A row each, with these of the columns: operation, attempt, error, lost, earlier."""
    found = list(savings)
    words = _WORDS | ({"earlier": "run further by"} if any(s.so_far for s in found) else {})
    right = [place for place, name in enumerate(columns) if name in ("attempt", "lost", "earlier")]
    rows = [[_cell(saving, name) for name in columns] for saving in found]
    return markup.table([words[name] for name in columns], rows, right=right)


_WORDS = {
    "operation": "operation", "attempt": "attempt", "error": "error", "lost": "lost",
    "earlier": "run earlier by",
}  # fmt: skip


def _cell(saving: Saving, name: str) -> str:
    if name == "operation":
        return saving.name or saving.operation_id
    if name == "attempt":
        return "all" if saving.attempt is None else f"{saving.attempt}"
    if name == "error":
        return saving.error_type or ""
    return units.duration(saving.lost_ms) if name == "lost" else _earlier(saving)


def _earlier(saving: Saving) -> str:
    about = "about " if saving.estimated else ""
    if saving.at_most_ms - saving.saved_ms < max(1.0, 0.02 * saving.at_most_ms):
        return about + units.duration(saving.saved_ms)
    return f"{about}{units.duration(saving.saved_ms)} to {units.duration(saving.at_most_ms)}"
