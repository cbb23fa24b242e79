"""pandas frames with exactly the columns and nullable types of a schema table.

Int64, Float64, boolean and string keep "unknown" apart from 0, "" and False all the way through a join.
"""

from typing import Any

import pandas as pd
import pyarrow as pa

from durascope_dashboard.store.schema import TABLES

_DTYPES = {pa.string(): "string", pa.int64(): "Int64", pa.float64(): "Float64", pa.bool_(): "boolean"}
_array: Any = pd.array  # the stubs know literal dtype names only


def dtypes(table: str) -> dict[str, str]:
    """Column -> pandas dtype name, in schema order."""
    return {field.name: _DTYPES[field.type] for field in TABLES[table]}


def _dtype(name: str) -> Any:
    return pd.api.types.pandas_dtype(name)


def empty_frame(table: str) -> pd.DataFrame:
    """The table with no rows."""
    return pd.DataFrame({name: _array([], dtype=dtype) for name, dtype in dtypes(table).items()})


def conform(frame: pd.DataFrame, table: str) -> pd.DataFrame:
    """The frame with exactly the table's columns and dtypes; absent columns are null, others are dropped."""
    columns = {
        name: frame[name].astype(_dtype(dtype)) if name in frame else _array([None] * len(frame), dtype=dtype)
        for name, dtype in dtypes(table).items()
    }
    return pd.DataFrame(columns, index=frame.index).reset_index(drop=True)


def from_arrow(data: pa.Table, table: str) -> pd.DataFrame:
    """An Arrow table of the schema as such a frame."""
    return conform(
        data.to_pandas(types_mapper={t: pd.api.types.pandas_dtype(n) for t, n in _DTYPES.items()}.get), table
    )


def to_arrow(frame: pd.DataFrame, table: str) -> pa.Table:
    """Such a frame as an Arrow table with exactly the schema."""
    return pa.Table.from_pandas(conform(frame, table), schema=TABLES[table], preserve_index=False)


def conform_columns(frame: pd.DataFrame, schema: pa.Schema) -> pd.DataFrame:
    """As :func:`conform`, for a schema that is not a whole table."""
    columns = {
        field.name: frame[field.name].astype(_dtype(_DTYPES[field.type]))
        if field.name in frame
        else _array([None] * len(frame), dtype=_DTYPES[field.type])
        for field in schema
    }
    return pd.DataFrame(columns, index=frame.index).reset_index(drop=True)
