"""The paragraph on top of a run: what a colleague would say of it, computed from the numbers of the same page."""

import os
from collections.abc import Mapping
from typing import Any

import streamlit as st

from durascope_dashboard import data
from durascope_dashboard.analysis.explain import explain
from durascope_dashboard.data import Row
from durascope_dashboard.panels import markup

USUAL_S = 60.0


def draw(run: Row, operations: list[Row], attempts: list[Row]) -> None:
    """Write it."""
    source = (os.environ.get("DURASCOPE_SERVER"), os.environ.get("DURASCOPE_STORE"))
    usual = _usual(source, run["workflow_type"]) if run["workflow_type"] else None
    version = (*source, run["namespace"], run["workflow_id"], run["run_id"], run["updated"])
    sentences = (
        _kept(version, run, operations, attempts, usual)
        if run["closed"] is not None
        else explain(run, operations, attempts, usual).text
    )
    markup.html(markup.named(sentences))


def room() -> None:
    """As much space as the paragraph will take, until it is there: nothing below it moves."""
    markup.html(markup.named("\u00a0"))


@st.cache_data(max_entries=50, show_spinner=False)
def _kept(version: tuple[object, ...], _run: Row, _operations: list[Row], _attempts: list[Row],
          _usual: Mapping[str, Any] | None) -> str:  # fmt: skip
    return explain(_run, _operations, _attempts, _usual).text


@st.cache_data(ttl=USUAL_S, max_entries=200, show_spinner=False)
def _usual(source: tuple[str | None, str | None], workflow_type: str) -> Mapping[str, Any] | None:
    """What is usual for a workflow type; a minute old at most."""
    found = data.rows(data.query("type_stats", workflow_type=[workflow_type]))
    return found[0] if found else None
