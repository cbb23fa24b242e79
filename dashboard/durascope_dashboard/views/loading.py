"""What the Run page reads of one run, once: a closed run does not change between two clicks."""

import os
from dataclasses import dataclass

import streamlit as st

from durascope_dashboard import data
from durascope_dashboard.analysis.critical_path import critical_path
from durascope_dashboard.data import Row
from durascope_dashboard.timeline.rows import Timeline, timeline

KEPT_S = 600.0


@dataclass(frozen=True)
class Loaded:
    """A run with everything in it, at one moment. ``spans`` are those that give it structure, without attributes."""

    run: Row
    operations: list[Row]
    attempts: list[Row]
    spans: list[Row]
    timeline: Timeline


def load(run: Row) -> Loaded:
    """Read what is in a run. Raises the StoreUnavailable family."""
    if run["closed"] is None:
        return _read(run)
    source = (os.environ.get("DURASCOPE_SERVER"), os.environ.get("DURASCOPE_STORE"))
    version = (*source, run["namespace"], run["workflow_id"], run["run_id"], run["updated"], run["span_attempts"])
    return _kept(version, run)


@st.cache_resource(max_entries=6, ttl=KEPT_S, show_spinner=False)
def _kept(version: tuple[object, ...], _run: Row) -> Loaded:
    return _read(_run)


def _read(run: Row) -> Loaded:
    key = {k: run[k] for k in ("namespace", "workflow_id", "run_id")}
    operations, attempts, spans = (
        data.table(name, **key).to_pylist() for name in ("operations", "attempts", "structure")
    )
    now = data.now()
    path = critical_path(run, operations, attempts, now if run["closed"] is None else None, retries=0)
    drawn = timeline(run, operations, attempts, spans, now, critical=path.operation_ids)
    return Loaded(run, operations, attempts, spans, drawn)
