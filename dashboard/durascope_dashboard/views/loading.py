"""What the Run page reads of one run, once: a closed run does not change between two clicks."""

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from durascope_dashboard import data
from durascope_dashboard.analysis.critical_path import CriticalPath, critical_path
from durascope_dashboard.analysis.what_if import MOST
from durascope_dashboard.data import Row
from durascope_dashboard.lookup import run_params
from durascope_dashboard.timeline.rows import Timeline, timeline

KEPT_S = 600.0
KEPT = 6
WHAT_IF = 1_000
"""Operations up to which it is computed before the first paint what each retry cost; the paragraph does it later."""
LONG = 3_000
"""Operations from which reading a run is worth a progress bar."""


@dataclass(frozen=True)
class Loaded:
    """A run with everything in it, at one moment. ``spans`` are those that give it structure, without attributes."""

    run: Row
    operations: list[Row]
    attempts: list[Row]
    spans: list[Row]
    timeline: Timeline
    path: CriticalPath


def load(run: Row, now: int, progress: DeltaGenerator) -> Loaded:
    """Read what is in a run; ``now`` (µs) is the whole page's. Raises the StoreUnavailable family.

    ``progress``: an empty slot, for long reads.
    """
    key = (run["namespace"], run["workflow_id"], run["run_id"])
    version = (*data.source(), *key, run["updated"], run["span_attempts"])
    kept = _kept()
    if run["closed"] is not None and version in kept:
        kept[version] = found = kept.pop(version)  # the newest is last
        return found
    loaded = _read(run, now, progress if (run["operations"] or 0) > LONG else None)
    progress.empty()
    if run["closed"] is not None:
        kept[version] = loaded
        for old in list(kept)[:-KEPT]:
            kept.pop(old, None)
    return loaded


@st.cache_resource(ttl=KEPT_S, show_spinner=False)
def _kept() -> dict[tuple[object, ...], Loaded]:
    return {}


def _read(run: Row, now: int, slot: DeltaGenerator | None) -> Loaded:
    key = run_params(run)
    if slot is not None:
        slot.progress(0.1, f"Reading {run['operations']:,} operations")
    found = data.tables("operations", "attempts", "structure", **key)
    if slot is not None:
        slot.progress(0.5, "Laying out the timeline")
    operations, attempts, spans = (rows.to_pylist() for rows in found)
    retries = MOST if len(operations) <= WHAT_IF else 0
    path = critical_path(run, operations, attempts, now if run["closed"] is None else None, retries=retries)
    drawn = timeline(run, operations, attempts, spans, now, critical=path.operation_ids)
    return Loaded(run, operations, attempts, spans, drawn, path)
