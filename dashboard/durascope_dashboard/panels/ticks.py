"""Which runs are ticked on the Runs page: their run ids stand in the URL, so that a link brings them back.

While some are, the table stands still: the rows last sent are kept, and none moves away below the pointer.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from zlib import crc32

import pandas as pd
import streamlit as st

from durascope_dashboard import data

PARAMETER: Final = "tick"
MOST: Final = 20
_SENT: Final = "runs_sent"


def named() -> list[str]:
    """Run ids that the URL names, each once, in its order."""
    return list(dict.fromkeys(st.query_params.get_all(PARAMETER)))[:MOST]


def view(asked: Mapping[str, Any]) -> str:
    """A name of what is asked for: another for other filters."""
    kept = {name: value for name, value in asked.items() if name != "since"}  # moves with the clock
    return f"{crc32(json.dumps(kept, sort_keys=True).encode()):08x}"


def last(view: str) -> pd.DataFrame | None:
    """The rows that the browser was sent last, if they were of this view."""
    sent = st.session_state.get(_SENT)
    return sent[1] if sent is not None and sent[0] == view else None


def keep(view: str, rows: pd.DataFrame) -> None:
    """Remember what has been sent."""
    st.session_state[_SENT] = (view, rows)


def take(ticked: Sequence[str]) -> None:
    """Write the ticked runs into the URL."""
    if ticked:
        st.query_params[PARAMETER] = list(ticked)[:MOST]
    else:
        st.query_params.pop(PARAMETER, None)


def runs(rows: pd.DataFrame) -> list[data.Row]:
    """The ticked runs, in the order in which they were ticked; also those that other filters showed."""
    found = []
    for run_id in named():
        here = rows[rows["run_id"] == run_id]
        found += data.rows(here if len(here) else data.query("runs", text=run_id, limit=1))
    return found
