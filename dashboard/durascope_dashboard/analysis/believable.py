"""What no source can mean is not said: made unknown before anything is computed from it.

Runs are joined together, as arrays: an attempt's number far outside of its range would be another run's.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd

from durascope.records import Kind
from durascope_dashboard.analysis.keys import floats, present
from durascope_dashboard.store.schema import MAX_ATTEMPT, MAX_MICROS, MAX_MS, MAX_TOKENS, TABLES, TOKEN_KINDS

_KINDS: Final = tuple(Kind)
_NUMBERED: Final = ("history_attempts", "span_attempts", "observations")
_MOMENTS: Final = ("start", "end", "queued", "started", "ended", "scheduled", "closed", "next_retry", "last_heartbeat",
                   "observed")  # fmt: skip
_RANGES: Final[dict[str, tuple[float, float]]] = {
    "attempt": (1, MAX_ATTEMPT),
    "attempts": (0, MAX_ATTEMPT),
    "max_attempts": (0, MAX_ATTEMPT),
    **{name: (0, MAX_TOKENS) for kind in TOKEN_KINDS for name in (f"tokens_{kind}", f"{kind}_tokens")},
    **dict.fromkeys(_MOMENTS, (0, MAX_MICROS)),
}


def believable(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The evidence of one table with null for what cannot be meant, and without attempts that have no number."""
    changed = {}
    for name, least, most in _ranges(table):
        values = floats(frame[name])
        wrong = (values < least) | (values > most) | (np.isnan(values) & present(frame[name]))
        if wrong.any():
            changed[name] = frame[name].mask(wrong)
    if table == "span_attempts" and not (told := frame["operation_kind"]).dropna().isin(_KINDS).all():
        changed["operation_kind"] = told.where(told.isin(_KINDS))
    frame = frame.assign(**changed) if changed else frame
    if table in _NUMBERED and not (whole := present(frame["attempt"])).all():
        return frame[whole].reset_index(drop=True)
    return frame


@lru_cache(maxsize=len(TABLES))
def _ranges(table: str) -> list[tuple[str, float, float]]:
    return list(_of(table))


def _of(table: str) -> Iterator[tuple[str, float, float]]:
    for name in TABLES[table].names:
        if name in _RANGES:
            yield name, *_RANGES[name]
        elif name.endswith("_ms"):
            yield name, -MAX_MS, MAX_MS
