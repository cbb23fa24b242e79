"""The paragraph on top of a run: what a colleague would say of it, computed from the numbers of the same page."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from durascope_dashboard import data
from durascope_dashboard.analysis import compare
from durascope_dashboard.analysis.critical_path import CriticalPath, critical_path
from durascope_dashboard.analysis.explain import explain
from durascope_dashboard.data import Row
from durascope_dashboard.panels import markup

USUAL_S = 60.0


def draw(run: Row, operations: list[Row], attempts: list[Row], path: CriticalPath) -> CriticalPath:
    """Write it. ``path``: what is known of the critical path; answers it with what each retry cost."""
    source = data.source()
    usual = _usual(source, run["workflow_type"], run["run_id"]) if run["workflow_type"] else None
    version = (*source, run["namespace"], run["workflow_id"], run["run_id"], run["updated"])
    if not path.savings and (run["retries"] or 0) > 0:
        path = _whole(version, run, operations, attempts)
    if run["closed"] is None:
        words = explain(run, operations, attempts, usual, path).text
    else:
        against = (usual["runs"], usual["duration_ms"]) if usual else ()
        words = _written((*version, *against), run, operations, attempts, usual, path)
    markup.html(markup.named(words))
    return path


@st.cache_resource(max_entries=20, show_spinner=False)
def _written(
    version: tuple[object, ...], _run: Row, _operations: list[Row], _attempts: list[Row],
    _usual: Mapping[str, Any] | None, _path: CriticalPath,
) -> str:  # fmt: skip
    return explain(_run, _operations, _attempts, _usual, _path).text


@st.cache_resource(max_entries=20, show_spinner=False)
def _whole(version: tuple[object, ...], _run: Row, _operations: list[Row], _attempts: list[Row]) -> CriticalPath:
    return critical_path(_run, _operations, _attempts)


@st.cache_data(ttl=USUAL_S, max_entries=200, show_spinner=False)
def _usual(source: tuple[str | None, str | None], workflow_type: str, run_id: str) -> Mapping[str, Any]:
    """What is usual for a workflow type; a minute old at most."""
    return compare.usual(data.records("peers", workflow_type=workflow_type, run_id=run_id))
