"""Small integers in place of composite keys, so that joins over many runs are array look-ups."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def number(*columns: Any) -> Codes:
    """Equal rows get equal numbers, counted from 0 in order of first appearance; null equals null."""
    codes = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        part, values = pd.factorize(column, use_na_sentinel=False)
        codes, _ = pd.factorize(codes * max(len(values), 1) + part)
        codes = codes.astype(np.int64)
    return codes


def number_together(frames: Sequence[pd.DataFrame], columns: Sequence[str]) -> list[Codes]:
    """As :func:`number` over several frames at once: one array of numbers for each frame."""
    together = pd.concat([frame[list(columns)] for frame in frames], ignore_index=True)
    codes = number(*(together[column] for column in columns))
    return np.split(codes, np.cumsum([len(frame) for frame in frames])[:-1])


def rows_of(wanted: Codes, present: Codes) -> Codes:
    """For each wanted number the last row where it is present, else -1."""
    size = int(max(wanted.max(initial=-1), present.max(initial=-1))) + 1
    where = np.full(size, -1, dtype=np.int64)
    where[present] = np.arange(len(present))
    return where[wanted]


def take(frame: pd.DataFrame, rows: Codes) -> pd.DataFrame:
    """The rows in that order; a row of nulls for each -1."""
    return frame.reset_index(drop=True).reindex(rows).reset_index(drop=True)


def floats(column: Any) -> Floats:
    """A nullable number column as float64, null as NaN (µs since the epoch fit exactly)."""
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))


def among(column: Any, *values: str) -> Mask:
    """Where the column is one of the values; null is not."""
    return np.asarray(column.isin(values).to_numpy(dtype=bool, na_value=False))


def present(column: Any) -> Mask:
    """Where the column is not null."""
    return np.asarray(column.notna().to_numpy(dtype=bool))


def true(column: Any) -> Mask:
    """Where a nullable boolean column is true."""
    return np.asarray(column.to_numpy(dtype=bool, na_value=False))


def texts(column: Any) -> list[str | None]:
    """A string column as a plain list, null as None: to loop over the column itself costs far more."""
    found: list[str | None] = pa.array(column.array, from_pandas=True).to_pylist()
    return found


def first_known(*columns: Any) -> Any:
    """Row by row the first that is not null."""
    result = columns[0]
    for column in columns[1:]:
        known = result.notna()
        if known.all():
            break  # most are: a few joins a second have mostly fixed costs
        if not known.any() and result.dtype == column.dtype and result.index.equals(column.index):
            result = column  # as before any history is read
        else:
            result = result.where(known, column)
    return result
