"""The Run page: one run from its outcome down to each attempt. ``?workflow_id=&run_id=&span=`` is the whole state."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from durascope_dashboard import data, links
from durascope_dashboard.panels import (
    again,
    attribution,
    coverage,
    details,
    explanation,
    header,
    ledger,
    live,
    markup,
    states,
    status,
)
from durascope_dashboard.panels import run_tables as tables
from durascope_dashboard.panels.plain import plain
from durascope_dashboard.timeline import component
from durascope_dashboard.timeline.folding import SUMMARY_FROM, above, folded
from durascope_dashboard.views.loading import Loaded, load

LIVE_S = 2.0
OFFERED = 5
DETAILS_PX = 700
PENDING_PX = 88
"""A heading and two operations; it scrolls."""
DETAILS_LEAST_PX = 420


def page() -> None:
    """Draw the page of the run that the URL names."""
    parameters = st.query_params
    workflow_id = parameters.get("workflow_id")
    if not workflow_id:
        with states.guarded():
            _which()
        return
    key = (workflow_id, parameters.get("run_id") or None, parameters.get("namespace") or None)
    with states.guarded():
        found = data.run(*key)
        every = LIVE_S if found["status"] == "running" else None
        again.every(every, _body, key="run_body")(*key)


def _which() -> None:
    states.explain(
        "Which run?", "open one from the Runs page, or name it in the link: /run?workflow_id=…&run_id=…",
    )  # fmt: skip
    for words, asked in (("Newest", {}), ("In trouble", {"view": "trouble"})):
        if found := data.records("runs", limit=OFFERED, **asked):
            st.markdown(f"###### {words}")
        for row in found:
            label = f"{status.words(row['status'])} · {plain(row['workflow_id'])} · {plain(row['workflow_type'])}"
            st.page_link(st.session_state["pages"]["run"], label=label, query_params=links.key(row))
    st.page_link(st.session_state["pages"]["runs"], label="All runs", icon=":material/list:")


def _body(workflow_id: str, run_id: str | None, namespace: str | None) -> None:
    with states.guarded():
        run, now = _at_one_moment(data.run(workflow_id, run_id, namespace))
        st.set_page_config(page_title=f"{status.SIGNS.get(run['status'], '')} {workflow_id} · Run · Durascope")
        places = header.draw(run, now)
        with st.container(key="relatives"):  # there from the start: a child run must not put the timeline elsewhere
            header.relatives(run)
        words = _words_slot()
        coverage.draw(run)
        pending = _pending_slot(run)
        # One element, not seven: each costs the browser some ms before the timeline.
        markup.html(markup.beside(attribution.html(run, now), ledger.html(run)))
        progress = st.empty()
        loaded = load(run, now, progress)
        component.settle(folded(loaded.timeline, _opened(loaded.run)), _run_key(loaded.run))
        st.fragment(_timeline, key="run_timeline")(loaded)
        header.outside(places, run, next((s["agents_trace_id"] for s in loaded.spans if s["agents_trace_id"]), None))
        with pending:
            live.draw(run, loaded.operations, loaded.attempts, now)
        with words:
            path = explanation.draw(run, loaded.operations, loaded.attempts, loaded.path)
        tables.draw(run, loaded.attempts, loaded.timeline, path)


def _at_one_moment(run: data.Row) -> tuple[data.Row, int]:
    """The run and the time (µs), one for all that the page says: an open run has lasted until then, nowhere longer."""
    now = data.now()
    return (run if run["closed"] is not None else run | {"duration_ms": max(0, now - run["started"]) / 1000}), now


def _words_slot() -> DeltaGenerator:
    """As high as most explanations; it keeps what it has until its next words come.

    The timeline below must not move when they do, and Streamlit gives an empty container no place: so it has nothing
    in it, in so many words.
    """
    slot = st.container(key="words", gap=None)
    with slot:
        markup.html("<span></span>")
    return slot


def _pending_slot(run: data.Row) -> DeltaGenerator:
    """Of an open run as high as it will ever be: operations come and go, and the timeline below must not move."""
    return st.container(height=PENDING_PX, border=False, key="pending") if run["closed"] is None else st.container()


def _timeline(loaded: Loaded) -> None:
    """The canvas and what is selected on it: a fragment of its own, so that a click asks for nothing else again."""
    if not loaded.operations and not loaded.spans:
        states.explain(
            "Nothing has happened in this run yet", "its workflow has started, but has scheduled nothing so far."
        )
        return
    left, right = st.columns([3.3, 1.2], gap="small")
    with left:
        selected = _select(loaded)
    height = min(DETAILS_PX, max(DETAILS_LEAST_PX, 160 + 22 * len(loaded.timeline.lines)))
    with right, st.container(height=height, border=True, key="details"):
        details.draw(loaded.run, selected, loaded.operations, loaded.attempts, loaded.path.savings)


def _run_key(run: data.Row) -> str:
    return f"{run['namespace']}/{run['workflow_id']}/{run['run_id']}"


def _opened(run: data.Row) -> set[str]:
    """Rows that were opened when the timeline was drawn last."""
    state = st.session_state.get("selection", {})
    return state["opened"] if state.get("run") == _run_key(run) else set()


def _select(loaded: Loaded) -> str | None:
    """Draw the canvas and answer the selected row: the last that was clicked, else the one that the link names."""
    run_key = _run_key(loaded.run)
    state = st.session_state.setdefault("selection", {"run": None})
    named = st.query_params.get("span") or None
    if state["run"] != run_key:
        state.update(run=run_key, row=None, link=None, clicked=None, seq=state.get("seq", 0) + 1, opened=set())
    if named != state["row"]:  # a link, or Back: what was clicked is in the URL already
        state.update(row=named, link=named, seq=state["seq"] + 1)
        state["opened"].update(above(loaded.timeline, named) if named else ())
    if (row := component.opened("timeline", run_key)) is not None:
        state["opened"].add(row)
    drawn = folded(loaded.timeline, state["opened"])
    said = component.show(drawn, key="timeline", run_key=run_key, selected=state["link"], select_seq=state["seq"])
    if said.selected and said.selected != state["clicked"]:
        state.update(clicked=said.selected, row=said.selected)
        st.query_params["span"] = said.selected
    if loaded.timeline.count > SUMMARY_FROM:
        st.caption(
            f"{loaded.timeline.count:,} segments: what is in a turn or an agent is drawn as a summary and comes when "
            "you open it. For all of it at once take the Perfetto file above."
        )
    found: str | None = state["row"]
    return found
