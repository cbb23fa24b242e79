"""The retry card: which layer retried, for whose delay, whether the error is known elsewhere, whether layers stack."""

from collections.abc import Iterable

import streamlit as st

from durascope_dashboard import data, units
from durascope_dashboard.analysis.what_if import Saving
from durascope_dashboard.data import Row
from durascope_dashboard.exceptions import DurascopeError
from durascope_dashboard.panels import markup
from durascope_dashboard.panels.savings import table


def card(operation: Row, attempts: list[Row], savings: Iterable[Saving] = ()) -> None:
    """Draw it, if anything was retried. ``savings``: what each retry cost the run as a whole, as far as computed."""
    sentences = explain(operation, attempts)
    if not sentences:
        return
    own = [saving for saving in savings if saving.operation_id == operation["operation_id"]]
    own.sort(key=lambda saving: (saving.attempt is None, saving.attempt))
    if not any(saving.at_most_ms >= 1 for saving in own):
        sentences += sorted({saving.sentence for saving in own})
        own = []
    sentences += _elsewhere(attempts)
    costs = table(own, "attempt", "error", "earlier") if own else ""
    with st.container(border=True):
        markup.html("<b>Retries</b>" + "".join(markup.note(s) for s in sentences) + costs)


def explain(operation: Row, attempts: list[Row]) -> list[str]:
    """Sentences about one operation's retries; [] if there were none at any layer."""
    http = sum(row["http_retries"] or 0 for row in attempts)
    numbers = [row["attempt"] for row in attempts]
    last = max([*numbers, operation["attempts"] or 0])
    if last <= 1 and not http:
        return []
    found = []
    if last > 1:
        limit = operation["max_attempts"]
        found.append(
            f"Temporal retried it: {last} attempts of {limit if limit else 'unlimited'}, "
            f"{units.duration(operation['backoff_ms'])} of backoff."
        )
    by_server = [row for row in attempts if row["retry_by"] == "server"]
    if by_server:
        asked = ", ".join(units.duration(row["retry_delay_ms"]) for row in by_server[:5])
        found.append(f"The server asked for the delay (Retry-After) {_times(len(by_server))}: {asked}.")
    if http:
        found.append(f"The HTTP client retried {_times(http)} inside the attempts.")
    if http and last > 1:
        found.append(
            f"Two layers retry the same call: up to {_stack(attempts)} requests an attempt, times {last} attempts. "
            "Turn one off (set the client's max_retries to 0 and let Temporal retry)."
        )
    unseen = last - len(numbers)
    if unseen > 0:
        only = "is known only by its" if unseen == 1 else "are known only by their"
        found.append(f"{units.many(unseen, 'attempt')} {only} number: telemetry of the worker would show more.")
    return found


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _stack(attempts: list[Row]) -> int:
    return 1 + max(row["http_retries"] or 0 for row in attempts)


def _elsewhere(attempts: list[Row]) -> list[str]:
    prints = {row["fingerprint"] for row in attempts if row["fingerprint"]}
    if not prints:
        return []
    try:
        errors = data.rows(data.query("errors", limit=1000))
    except DurascopeError:
        return []  # the card is complete without it; the page shows that the source is gone
    return [
        f"The same error ({row['error_type']}) in {units.many(row['runs'] - 1, 'other run')}, "
        f"{units.many(row['attempts'], 'attempt')} in all."
        for row in errors
        if row["fingerprint"] in prints and row["runs"] > 1
    ]
