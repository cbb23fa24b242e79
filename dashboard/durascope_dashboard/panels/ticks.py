"""Which runs are ticked on the Runs page: their run ids stand in the URL, so that a link brings them back.

A tick is a place in the table that the browser has. Rows move when runs start, so the rows last sent are kept.
"""

import json
from collections.abc import Mapping
from typing import Any, Final
from zlib import crc32

import pandas as pd
import streamlit as st

from durascope_dashboard import data

PARAMETER: Final = "tick"
MOST: Final = 20
_SENT: Final = "runs_sent"
_TIMES: Final = "runs_tables"


def named() -> list[str]:
    """Run ids that the URL names, each once, in its order."""
    return list(dict.fromkeys(st.query_params.get_all(PARAMETER)))[:MOST]


def view(asked: Mapping[str, Any]) -> str:
    """A key for the table that is another for other filters: its ticks are places, and must not outlive its rows."""
    kept = {name: value for name, value in asked.items() if name != "since"}  # moves with the clock
    return f"table-{crc32(json.dumps(kept, sort_keys=True).encode()):08x}-{st.session_state.get(_TIMES, 0)}"


def anew() -> None:
    """Let the table be made again, with the ticks that the URL names and nothing else."""
    st.session_state[_TIMES] = st.session_state.get(_TIMES, 0) + 1


def last(view: str) -> pd.DataFrame | None:
    """The rows that the browser was sent last, if they were of this view."""
    sent = st.session_state.get(_SENT)
    return sent[1] if sent is not None and sent[0] == view else None


def keep(view: str, rows: pd.DataFrame) -> None:
    """Remember what has been sent."""
    st.session_state[_SENT] = (view, rows)


def default(rows: pd.DataFrame) -> Any:
    """The table's first selection: the rows of the link's runs."""
    wanted = named()
    return {"selection": {"rows": [i for i, run_id in enumerate(rows["run_id"]) if run_id in wanted]}}


def take(places: list[int], rows: pd.DataFrame) -> bool:
    """Write the ticked places into the URL, if they are others; ticks on runs that this table does not show stay."""
    ids = [str(run_id) for run_id in rows["run_id"]]
    ticked = [ids[i] for i in places]
    before = named()
    found = [run_id for run_id in before if run_id in ticked or run_id not in ids]
    found += [run_id for run_id in ticked if run_id not in found]
    if found == before:
        return False
    if found:
        st.query_params[PARAMETER] = found
    else:
        st.query_params.pop(PARAMETER, None)
    return True


def runs(rows: pd.DataFrame) -> list[data.Row]:
    """The ticked runs, in the order in which they were ticked; also those that other filters showed."""
    found = []
    for run_id in named():
        here = rows[rows["run_id"] == run_id]
        found += data.rows(here if len(here) else data.query("runs", text=run_id, limit=1))
    return found
