"""What goes over the wire: two Arrow tables, whole; or, above 2,000 segments, a base that stays the same and what
has changed since, so that a live update or a click sends a few rows and not the run.

    base   a b c d e        delta   c' at 2, x at 5   of 6 rows     ->   a b c' d e x
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from secrets import token_hex
from typing import Any, Final

import pyarrow as pa

from durascope_dashboard.timeline.rows import Bar, Line, Timeline

WHOLE_BELOW: Final = 2_000
"""Segments up to which everything is sent each time."""
MOST_CHANGED: Final = 1_000
"""Changed rows from which a new base is cheaper."""

_text = pa.dictionary(pa.int32(), pa.string())
ROWS: Final = pa.schema(
    [("id", pa.string()), ("parent", pa.int32()), ("depth", pa.int32()), ("kind", _text), ("name", _text),
     ("start", pa.float64()), ("end", pa.float64()), ("status", _text), ("attempts", pa.int32()),
     ("tokens_in", pa.float64()), ("tokens_out", pa.float64()), ("cost", pa.float64()), ("agent", _text),
     ("critical", pa.int32()), ("below", pa.int32()), ("hidden", pa.int32()), ("failed", pa.int32()),
     ("at", pa.int32())]
)  # fmt: skip
SEGMENTS: Final = pa.schema(
    [("row", pa.int32()), ("kind", _text), ("start", pa.float64()), ("end", pa.float64()), ("attempt", pa.int32()),
     ("error", _text), ("by", _text), ("tokens_in", pa.float64()), ("tokens_out", pa.float64()),
     ("estimated", pa.int32())]
)  # fmt: skip
_NAN: Final = float("nan")
_UNKNOWN: Final = frozenset({"tokens_in", "tokens_out", "cost"})


def tables(lines: Sequence[Line], at: Iterable[int]) -> tuple[pa.Table, pa.Table]:
    """Rows and their segments; ``at`` are the rows' positions, a segment's ``row`` counts in ``lines``."""
    named = {name: [getattr(line, name) for line in lines] for name in Line._fields if name != "bars"}
    rows = named | {"at": list(at)}
    bars = [(number, bar) for number, line in enumerate(lines) for bar in line.bars]
    segments = {name: [getattr(bar, name) for _, bar in bars] for name in Bar._fields}
    return _table(rows, ROWS), _table(segments | {"row": [number for number, _ in bars]}, SEGMENTS)


def _table(columns: dict[str, list[Any]], schema: pa.Schema) -> pa.Table:
    # JavaScript reads the plain buffer: a null would be a 0 there, a NaN stays unknown.
    filled = {
        name: [_NAN if value is None else value for value in values] if name in _UNKNOWN else values
        for name, values in columns.items()
    }
    return pa.table({field.name: pa.array(filled[field.name], field.type) for field in schema}, schema=schema)


@dataclass(frozen=True)
class Base:
    """What the browser has been given once, under a name."""

    name: str
    run_key: str
    lines: tuple[Line, ...]
    rows: pa.Table
    segments: pa.Table
    places: dict[str, int]

    @staticmethod
    @lru_cache(maxsize=6)  # a closed run's is the same for everybody who looks at it
    def of(drawn: Timeline, run_key: str) -> "Base":
        """All of a timeline, under a name that no other has, also none of a server that was here before."""
        rows, segments = tables(drawn.lines, range(len(drawn.lines)))
        places = {line.id: n for n, line in enumerate(drawn.lines)}
        return Base(f"{run_key}#{token_hex(8)}", run_key, drawn.lines, rows, segments, places)


@dataclass(frozen=True)
class Delta:
    """Rows that are new or other than in the base, with all of their segments."""

    rows: pa.Table
    segments: pa.Table


def delta(base: Base, drawn: Timeline) -> Delta | None:
    """What to send on top of ``base``; None if a new base is needed (rows have gone or moved, or much has changed)."""
    if base.lines is drawn.lines:  # a page that has just been opened
        return Delta(*tables((), ()))
    lines, at, kept = [], [], []
    for number, line in enumerate(drawn.lines):
        place = base.places.get(line.id)
        if place is not None and _same(base.lines[place], line, base, drawn):
            kept.append(place)
            continue
        lines.append(line)
        at.append(number)
    replaced = sum(line.id in base.places for line in lines)
    if len(lines) > MOST_CHANGED or len(kept) + replaced != len(base.lines):
        return None
    if any(one > other for one, other in pairwise(kept)):
        return None
    return Delta(*tables(lines, at))


def _same(one: Line, other: Line, base: Base, drawn: Timeline) -> bool:
    """Whether the browser can keep the row: equal, and below the same parent, wherever that stands now."""
    if one is other:
        return True
    if (one.parent < 0) != (other.parent < 0):
        return False
    parents = one.parent < 0 or base.lines[one.parent].id == drawn.lines[other.parent].id
    return parents and one[0] == other[0] and one[2:] == other[2:]
