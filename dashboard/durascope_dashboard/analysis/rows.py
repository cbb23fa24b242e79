"""Rows of the joined tables as plain values, whoever holds them: pandas in the dashboard, lists in the command line.

The analyses of one run read a few columns of a few thousand rows; plain Python serves both callers and needs no pandas.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
"""One row, column -> plain value; None is unknown."""

Rows = Any
"""A pandas frame with a table's columns, or an iterable of :data:`Row`."""


def plain(value: Any) -> Any:
    """The value, or None for what pandas calls missing (NA, NaN, NaT)."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else float(value)  # numpy's is a float too
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    return value.item() if hasattr(value, "item") else value


def records(rows: Rows, columns: Sequence[str]) -> list[dict[str, Any]]:
    """These columns of the rows, in order; a column that is not there is None."""
    if hasattr(rows, "columns"):  # a pandas frame
        present = [name for name in columns if name in rows.columns]
        found: Iterable[Row] = rows[present].to_dict("records")
    else:
        found = rows
    return [{name: plain(row.get(name)) for name in columns} for row in found]


def one(row: Row) -> dict[str, Any]:
    """A row with plain values only."""
    return {str(name): plain(value) for name, value in row.items()}
