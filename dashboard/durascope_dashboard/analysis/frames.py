"""pandas frames with exactly the columns and nullable types of a schema table.

Int64, Float64, boolean and string keep "unknown" apart from 0, "" and False all the way through a join.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import pandas as pd
import pyarrow as pa

from durascope_dashboard.store.schema import TABLES

_DTYPES = {pa.string(): "string", pa.int64(): "Int64", pa.float64(): "Float64", pa.bool_(): "boolean"}
_array: Any = pd.array  # the stubs know literal dtype names only


def dtypes(table: str) -> dict[str, str]:
    """Column -> pandas dtype name, in schema order."""
    return {field.name: _DTYPES[field.type] for field in TABLES[table]}


@lru_cache(maxsize=32)
def _dtype(name: str) -> Any:
    """The type itself: by name, a string type whose null is NaN would pass for ours."""
    return pd.api.types.pandas_dtype(name)


@lru_cache(maxsize=32)
def _nulls(dtype: str) -> Any:
    """One null of that type, to be repeated: a list of as many would be looked at one by one."""
    return _array([None], dtype=dtype)


def empty_frame(table: str) -> pd.DataFrame:
    """The table with no rows."""
    return pd.DataFrame({name: _array([], dtype=dtype) for name, dtype in dtypes(table).items()})


def conform(frame: pd.DataFrame, table: str) -> pd.DataFrame:
    """The frame with exactly the table's columns and dtypes; absent columns are null, others are dropped."""
    return _conformed(frame, dtypes(table))


def conform_columns(frame: pd.DataFrame, schema: pa.Schema) -> pd.DataFrame:
    """As :func:`conform`, for a schema that is not a whole table."""
    return _conformed(frame, {field.name: _DTYPES[field.type] for field in schema})


def _conformed(frame: pd.DataFrame, wanted: Mapping[str, str]) -> pd.DataFrame:
    given = dict(frame.items())
    columns: dict[str, Any] = {}
    for name, dtype in wanted.items():
        if name not in given:
            columns[name] = _nulls(dtype).repeat(len(frame))
        elif given[name].dtype == _dtype(dtype):
            columns[name] = given[name].array
        else:
            columns[name] = given[name].array.astype(_dtype(dtype))
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))


def from_arrow(data: pa.Table, table: str) -> pd.DataFrame:
    """An Arrow table of the schema as such a frame."""
    return conform(data.to_pandas(types_mapper={t: _dtype(n) for t, n in _DTYPES.items()}.get), table)


def to_arrow(frame: pd.DataFrame, table: str) -> pa.Table:
    """Such a frame as an Arrow table with exactly the schema."""
    return pa.Table.from_pandas(conform(frame, table), schema=TABLES[table], preserve_index=False)
