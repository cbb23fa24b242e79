"""Tables: numbers that sort as numbers but read with their unit, and a download of what is under them.

The page shows rounded words; CSV and Parquet hold the exact values, with the unit in the column's name.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import pandas as pd
import streamlit as st

from durascope_dashboard import links, units

_column = st.column_config
_TEXTS: Final = ("text", "id", "link")
_ID: Final = 10
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Column:
    """How one column reads. ``unit``: text, id (cut, whole in a download), count, exact, rate, ms, signed_ms,
    tokens, money, share, moment or link (to runs).
    """

    title: str
    unit: str = "text"
    help: str | None = None
    width: int | None = None


def _plain(value: float | None) -> str:
    return units.UNKNOWN if not units.known(value) or value is None else f"{value:,.0f}"


def moment(value: float | None) -> str:
    """``Nov 23 13:54:19``: the day and the second are enough in a row; the download has the microsecond."""
    if value is None or not units.known(value):
        return units.UNKNOWN
    return datetime.fromtimestamp(value / 1e6, UTC).strftime("%b %d %H:%M:%S")


def _signed_ms(value: float | None) -> str:
    found = units.duration(value)
    return f"+{found}" if units.known(value) and value is not None and value > 0 else found


def _cut(value: object) -> str:
    text = str(value)
    return text if len(text) <= _ID else f"{text[:_ID]}…"


_Words = str | Callable[[object], str] | None
_WORDS: Final[Mapping[str, Any]] = {
    "count": units.count, "exact": _plain, "ms": units.duration, "signed_ms": _signed_ms, "tokens": units.count,
    "rate": lambda value: f"{value:.2f}", "money": units.money, "share": lambda value: units.percent(value, 1.0),
    "moment": moment, "id": _cut,
}  # fmt: skip


def configured(columns: Mapping[str, Column]) -> dict[str, Any]:
    """Streamlit's column settings."""
    return {
        name: _KINDS.get(column.unit, _NUMBER)(column.title, help=column.help, width=column.width)
        for name, column in columns.items()
    }


_NUMBER: Final = partial(_column.NumberColumn, alignment="right")
_KINDS: Final[Mapping[str, Any]] = {
    "text": _column.Column, "id": _column.Column, "link": partial(_column.LinkColumn, display_text="show ↗"),
}  # fmt: skip
_LINK: Final = "runs_with"
_RUNS: Final = Column("Its runs", "link", "The runs that have it, in a new tab", 70)


def styled(frame: pd.DataFrame, columns: Mapping[str, Column]) -> Any:
    """The frame's columns with words for numbers; the numbers stay what is sorted by."""
    shown = frame[list(columns)].reset_index(drop=True)
    for name, column in columns.items():
        if column.unit in _TEXTS:
            shown[name] = shown[name].astype("object").where(shown[name].notna(), None)
        else:
            shown[name] = shown[name].astype("Float64").astype("float64")
    words: dict[Any, _Words] = {
        name: _WORDS[column.unit] for name, column in columns.items() if column.unit not in ("text", "link")
    }
    return shown.style.format(words, na_rep=units.UNKNOWN)


def draw(
    frame: pd.DataFrame, columns: Mapping[str, Column], *, key: str, alt: str, select: bool = False, rows: int = 12,
    runs_with: str | Sequence[str] | None = None,
) -> list[int]:  # fmt: skip
    """Draw the table with its downloads; answers the positions of the ticked rows (one at most).

    ``runs_with``: the dimension of the column ``value``, or that of each row, if rows shall lead to the runs with it.
    """
    shown, columns = _leading(frame, columns, runs_with) if runs_with is not None else (frame, columns)
    more: dict[str, Any] = {"on_select": "rerun", "selection_mode": "single-row"} if select else {}
    with st.container(key=f"{key}_table"):
        event: Any = st.dataframe(
            styled(shown, columns), column_config=configured(columns), hide_index=True, key=key, alt=alt,
            row_height=30, placeholder=units.UNKNOWN, height=33 + 30 * min(max(len(frame), 1), rows), **more,
        )  # fmt: skip
    downloads(frame, key)
    return [i for i in event.selection.rows if i < len(frame)] if select else []


def _leading(
    frame: pd.DataFrame, columns: Mapping[str, Column], runs_with: str | Sequence[str]
) -> tuple[pd.DataFrame, Mapping[str, Column]]:
    """The frame with a link beside each value that runs can be filtered by."""
    by = [runs_with] * len(frame) if isinstance(runs_with, str) else runs_with
    found = [links.runs_with(*each) for each in zip(by, frame["value"], strict=True)]
    if not any(found):
        return frame, columns
    names = list(columns)
    after = names.index("value") + 1
    ordered = {name: columns[name] for name in names[:after]} | {_LINK: _RUNS}
    leading = frame.assign(**{_LINK: pd.Series(found, frame.index, object)})
    return leading, ordered | {name: columns[name] for name in names[after:]}


def downloads(frame: pd.DataFrame, key: str) -> None:
    """CSV and Parquet of the whole frame, made when they are asked for."""
    with st.container(horizontal=True, horizontal_alignment="right", gap="small", key=f"{key}_files"):
        for label, name, mime, make in (
            ("CSV", "csv", "text/csv", csv),
            ("Parquet", "parquet", "application/vnd.apache.parquet", parquet),
        ):
            st.download_button(
                label, data=partial(make, frame), file_name=f"durascope-{key}.{name}", mime=mime,
                key=f"{key}_{name}", type="tertiary", icon=":material/download:", on_click="ignore",
                help=f"This table as {label}, exact values",
            )  # fmt: skip


def csv(frame: pd.DataFrame) -> bytes:
    """UTF-8; a text that a spreadsheet would run as a formula gets an apostrophe before it."""
    safe = frame.copy()
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name]):
            safe[name] = [f"'{v}" if isinstance(v, str) and v.startswith(_FORMULA) else v for v in safe[name]]
    return safe.to_csv(index=False).encode()


def parquet(frame: pd.DataFrame) -> bytes:
    """The frame as it is."""
    sink = io.BytesIO()
    frame.to_parquet(sink, index=False)
    return sink.getvalue()
