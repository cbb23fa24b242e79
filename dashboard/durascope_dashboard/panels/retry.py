"""The retry card: which layer retried, for whose delay, whether the error is known elsewhere, whether layers stack."""

import streamlit as st

from durascope_dashboard import data, units
from durascope_dashboard.data import Row
from durascope_dashboard.exceptions import DurascopeError
from durascope_dashboard.panels import markup


def card(run: Row, operation: Row, attempts: list[Row]) -> None:
    """Draw it, if anything was retried."""
    sentences = explain(operation, attempts)
    if not sentences:
        return
    sentences += _elsewhere(run, attempts)
    with st.container(border=True):
        markup.html("<b>Retries</b>" + "".join(markup.note(s) for s in sentences))


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
        found.append(f"The server asked for the delay (Retry-After) {len(by_server)} times: {asked}.")
    if http:
        found.append(f"The HTTP client retried {http} times inside the attempts.")
    if http and last > 1:
        found.append(
            f"Two layers retry the same call: up to {_stack(attempts)} requests an attempt, times {last} attempts. "
            "Turn one off (set the client's max_retries to 0 and let Temporal retry)."
        )
    unseen = last - len(numbers)
    if unseen > 0:
        found.append(f"{unseen} attempts are known only by their number: telemetry of the worker would show them.")
    return found


def _stack(attempts: list[Row]) -> int:
    return 1 + max(row["http_retries"] or 0 for row in attempts)


def _elsewhere(run: Row, attempts: list[Row]) -> list[str]:
    prints = {row["fingerprint"] for row in attempts if row["fingerprint"]}
    if not prints:
        return []
    try:
        errors = data.rows(data.query("errors", limit=1000))
    except DurascopeError:
        return []  # the card is complete without it; the page shows that the source is gone
    return [
        f"The same error ({row['error_type']}) in {row['runs'] - 1} other run{'s' if row['runs'] != 2 else ''}, "
        f"{row['attempts']} attempts in all."
        for row in errors
        if row["fingerprint"] in prints and row["runs"] > 1
    ]
