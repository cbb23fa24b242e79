"""The token ledger: billed, useful, wasted, and what nobody saw. Cached is part of input, reasoning part of output."""

from typing import Final

from durascope_dashboard import data, units
from durascope_dashboard.data import Row
from durascope_dashboard.panels import markup

NO_MODEL: Final = "This run has called no model."
_COLUMNS: Final = ("input", "cached_input", "output", "reasoning")


def html(row: Row) -> str:
    """The table with its heading and, under it, what it leaves out; of a run that ended without a model one line."""
    if row["closed"] is not None and notes(row) == [NO_MODEL]:  # an open run may yet call one: nothing moves then
        return markup.heading("Token ledger") + markup.note(NO_MODEL)
    table = markup.table(
        ("Tokens", "input", "of it cached", "output", "of it reasoning", "cost"),
        [_line(row, part) for part in ("billed", "useful", "wasted")],
        right=range(1, 6),
    )
    return markup.heading("Token ledger") + table + markup.note(" ".join(notes(row)))


def _line(row: Row, part: str) -> list[str]:
    values = [row[f"{part}_{kind}"] for kind in _COLUMNS]
    if row["unknown_attempts"] and not any(values):  # all that there was is unknown: a 0 would say that it was nothing
        return [part, *[units.UNKNOWN] * 5]
    return [part, *map(_exact, values), units.money(row[f"cost_{part}"])]


def _exact(value: int | None) -> str:
    return units.UNKNOWN if value is None else f"{value:,}"


def notes(row: Row) -> list[str]:
    """Sentences about what the numbers do not hold."""
    found = []
    unknown = row["unknown_attempts"] or 0
    if unknown:
        found.append(f"{units.many(unknown, 'attempt')} with unknown usage: counted as attempts, not as 0 tokens.")
    unpriced = data.names(row["unpriced_models"])
    if unpriced:
        found.append(f"No price is known for {', '.join(unpriced)}: the cost leaves it out.")
    if not found and not row["billed_input"] and not data.names(row["models"]):
        return [NO_MODEL]
    return found or ["Every attempt's usage is known."]
