"""The trust banner: how much of what Temporal counted was also seen by telemetry, on every run."""

from dataclasses import dataclass

from durascope_dashboard import units
from durascope_dashboard.data import Row
from durascope_dashboard.panels import markup


@dataclass(frozen=True)
class Trust:
    """``complete``: every attempt is known with its times."""

    sentence: str
    complete: bool


def trust(row: Row) -> Trust:
    """The sentence about one run."""
    history, spans = row["history_attempts"], row["span_attempts"] or 0
    if not history and not spans:
        return Trust("No attempts yet." if row["closed"] is None else "This run has had no attempts.", True)
    parts = [
        f"History: {_counted(row)}.",
        f"Telemetry: {spans:,}.",
        f"{row['reconstructed'] or 0:,} reconstructed,",
        f"{row['orphan_spans'] or 0:,} orphan spans, {row['duplicate_spans'] or 0:,} duplicates ignored.",
    ]
    missing = (history or 0) - spans
    if not spans:
        parts.append(
            "No worker telemetry: middle attempts, their errors and the tokens of failed calls are estimated or "
            "unknown. Add DurascopePlugin() to the worker to see them."
        )
    elif missing > 0:
        parts.append(f"{units.many(missing, 'attempt')} only in history: their times may be estimates.")
    if row["skew_ms"] is not None and abs(row["skew_ms"]) >= 50:
        way = "ahead of" if row["skew_ms"] > 0 else "behind"
        parts.append(f"A worker's clock is at least {abs(row['skew_ms']):.0f} ms {way} the server's.")
    if not row["from_history"]:
        parts.append("Temporal's history has not been read: the outcome is what the spans say.")
    complete = bool(spans) and missing <= 0 and not row["orphan_spans"] and bool(row["from_history"])
    return Trust(" ".join(parts), complete)


def _counted(row: Row) -> str:
    history, all_ = row["history_attempts"], row["attempts"] or 0
    if history is None:
        return "not read"
    if row["closed"] is None and history < all_:  # the last of an operation waits for its worker or its retry
        return f"{history:,} of {units.many(all_, 'attempt')} have begun"
    return units.many(history, "attempt")


def draw(row: Row) -> None:
    """One line, with a sign for complete or not."""
    found = trust(row)
    markup.html(f'<div class="ds-line">{"✓" if found.complete else "◐"} {markup.text(found.sentence)}</div>')
