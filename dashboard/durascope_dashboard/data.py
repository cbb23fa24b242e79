"""Every page's way to data: named queries through one reader per process, with answers kept for a moment.

The reader is found once by ``DURASCOPE_SERVER`` / ``DURASCOPE_STORE``; answers are Arrow tables turned into pandas
frames with nullable types, so that unknown stays unknown.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
import pyarrow as pa
import streamlit as st

from durascope_dashboard.clock import micros_now
from durascope_dashboard.exceptions import NotFound
from durascope_dashboard.lookup import run_params
from durascope_dashboard.reader import Reader, connect

FRESH_S = 1.5
"""Seconds an answer may be old: below the two seconds in which a page that is live asks again."""

_TYPES = {pa.string(): "string", pa.large_string(): "string", pa.int64(): "Int64", pa.float64(): "Float64"}
_TYPES |= {pa.bool_(): "boolean"}
Row = dict[str, Any]
now = micros_now


@st.cache_resource(show_spinner=False)
def _reader(server: str | None, store: str | None) -> Reader:
    return connect(server, store or None)


def source() -> tuple[str | None, str | None]:
    """Where data comes from, as the environment says: (server, store)."""
    return os.environ.get("DURASCOPE_SERVER"), os.environ.get("DURASCOPE_STORE")


def reader() -> Reader:
    """The process's reader. Raises StoreUnavailable, and is tried again on the next call."""
    return _reader(*source())


@st.cache_data(ttl=FRESH_S, max_entries=200, show_spinner=False)
def _query(source: tuple[str | None, str | None], name: str, params: str) -> pa.Table:
    return _reader(*source).query(name, **json.loads(params))


def table(name: str, **params: Any) -> pa.Table:
    """Rows of a named query, at most ``FRESH_S`` old. Raises the StoreUnavailable family, UsageError."""
    given = {key: value for key, value in params.items() if value is not None and value != "" and value != []}
    return _query(source(), name, json.dumps(given, sort_keys=True))


@st.cache_resource(show_spinner=False)
def _side_by_side() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(4, thread_name_prefix="durascope-query")


def tables(*names: str, **params: Any) -> list[pa.Table]:
    """Rows of several named queries with the same parameters, asked at the same time and fresh. Raises as ``table``."""
    asking = [_side_by_side().submit(reader().query, name, **params) for name in names]
    return [each.result() for each in asking]


def query(name: str, **params: Any) -> pd.DataFrame:
    """The same as :func:`table`, as a frame."""
    types = {t: pd.api.types.pandas_dtype(n) for t, n in _TYPES.items()}
    frame: pd.DataFrame = _whole(table(name, **params)).to_pandas(types_mapper=types.get)
    return frame


def _whole(rows: pa.Table) -> pa.Table:
    """Sums of whole numbers, which engines answer as decimals, as whole numbers again."""
    types = [pa.int64() if pa.types.is_decimal(field.type) else field.type for field in rows.schema]
    return rows.cast(pa.schema(list(zip(rows.schema.names, types, strict=True))))


def records(name: str, **params: Any) -> list[Row]:
    """The same as :func:`table`, as dictionaries, unknown as None: of few rows much quicker than by way of a frame."""
    found: list[Row] = _whole(table(name, **params)).to_pylist()
    return found


def rows(frame: pd.DataFrame) -> list[Row]:
    """The frame as dictionaries, unknown as None."""
    return [{str(k): None if v is pd.NA else v for k, v in row.items()} for row in frame.to_dict("records")]


def run(workflow_id: str, run_id: str | None, namespace: str | None = None) -> Row:
    """One run's row. Raises NotFound with what to do next."""
    found = records("run", workflow_id=workflow_id, run_id=run_id, namespace=namespace)
    if not found:
        which = f"run {run_id} of workflow {workflow_id}" if run_id else f"run of workflow {workflow_id}"
        raise NotFound(
            f"there is no {which} in this store; if it is older than what was collected, read it from Temporal or "
            "from a history file"
        )
    return found[0]


def of_run(name: str, row: Row, **params: Any) -> pd.DataFrame:
    """A query about exactly this run."""
    return query(name, **run_params(row), **params)


def names(value: Any) -> list[str]:
    """A JSON array of names, as the run row carries agents and models; [] if there is none."""
    try:
        found = json.loads(value) if isinstance(value, str) else []
    except ValueError:
        return []
    return [str(name) for name in found] if isinstance(found, list) else []


def health() -> dict[str, Any]:
    """What the collector says of itself."""
    return reader().health()
