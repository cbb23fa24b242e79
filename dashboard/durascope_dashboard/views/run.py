"""The Run page: one run from its outcome down to each attempt. ``?workflow_id=&run_id=&span=`` is the whole state."""

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from durascope_dashboard import data
from durascope_dashboard.data import Row
from durascope_dashboard.panels import attribution, coverage, details, header, ledger, states, tables
from durascope_dashboard.timeline import component
from durascope_dashboard.timeline.rows import Timeline, timeline

LIVE_S = 2.0
SPAN_LIMIT = 20_000


@dataclass(frozen=True)
class Loaded:
    """All that the page needs of one run, read at one moment."""

    run: Row
    operations: pd.DataFrame
    attempts: pd.DataFrame
    spans: pd.DataFrame
    now: int

    def timeline(self) -> Timeline:
        """Rows and segments for the canvas."""
        return timeline(self.run, self.operations, self.attempts, self.spans, self.now)


def page() -> None:
    """Draw the page of the run that the URL names."""
    parameters = st.query_params
    workflow_id = parameters.get("workflow_id")
    if not workflow_id:
        _which()
        return
    key = (workflow_id, parameters.get("run_id") or None, parameters.get("namespace") or None)
    with states.guarded():
        found = data.run(*key)
        live = LIVE_S if found["status"] == "running" else None
        st.fragment(_body, run_every=live, key="run_body")(*key)


def _which() -> None:
    states.explain(
        "Which run?", "open one from the Runs page, or name it in the link: /run?workflow_id=…&run_id=…",
    )  # fmt: skip
    st.page_link(st.session_state["pages"]["runs"], label="Runs", icon=":material/list:")


def load(workflow_id: str, run_id: str | None, namespace: str | None) -> Loaded:
    """Read one run. Raises NotFound and the StoreUnavailable family."""
    run = data.run(workflow_id, run_id, namespace)
    return Loaded(
        run, data.of_run("operations", run), data.of_run("attempts", run),
        data.of_run("spans", run, limit=SPAN_LIMIT), data.now(),
    )  # fmt: skip


def _body(workflow_id: str, run_id: str | None, namespace: str | None) -> None:
    with states.guarded():
        loaded = load(workflow_id, run_id, namespace)
        run = loaded.run
        header.draw(run, loaded.now)
        coverage.draw(run)
        header.relatives(run)
        left, right = st.columns([1, 1], gap="medium")
        with left:
            markup_title("Where did the time go")
            attribution.draw(run)
        with right:
            markup_title("Token ledger")
            ledger.draw(run)
        _timeline(loaded)
        tables.draw(loaded.run, loaded.operations, loaded.attempts, loaded.spans)


def markup_title(text: str) -> None:
    """A small heading."""
    st.markdown(f"###### {text}")


def _timeline(loaded: Loaded) -> None:
    run = loaded.run
    if loaded.operations.empty and loaded.spans.empty:
        states.explain(
            "Nothing has happened in this run yet", "its workflow has started, but has scheduled nothing so far."
        )
        return
    left, right = st.columns([3.3, 1.2], gap="small")
    with left:
        selected = _select(loaded, loaded.timeline())
    with right, st.container(height=640, border=True):
        details.draw(run, selected, loaded.operations, loaded.attempts, loaded.spans)


def _select(loaded: Loaded, drawn: Timeline) -> str | None:
    """Draw the canvas and answer the selected row: the last that was clicked, else the one that the link names."""
    run_key = f"{loaded.run['workflow_id']}/{loaded.run['run_id']}"
    state = st.session_state.setdefault("selection", {"run": None})
    if state["run"] != run_key:
        state.update(run=run_key, row=st.query_params.get("span") or None, clicked=None, seq=state.get("seq", 0) + 1)
    clicked = component.show(
        drawn, key="timeline", run_key=run_key, selected=state["row"], select_seq=state["seq"]
    )  # fmt: skip
    if clicked and clicked != state["clicked"]:
        state.update(clicked=clicked, row=clicked)
        st.query_params["span"] = clicked
    found: str | None = state["row"]
    return found
