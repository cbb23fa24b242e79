"""What a row was made of, as it was received: its spans from the store, its history events from Temporal.

Read only when it is opened. It is shown as code, so nothing in it is ever markup.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

import streamlit as st

from durascope import identity
from durascope_dashboard import data, temporal_events
from durascope_dashboard.data import Row
from durascope_dashboard.exceptions import DurascopeError
from durascope_dashboard.lookup import run_params
from durascope_dashboard.panels.plain import plain

LONGEST: Final = 20_000
"""Characters of one body: a conversation may be megabytes, and Temporal's UI has it whole."""
FRESH_S: Final = 30.0
MOST_SPANS: Final = 12
_HEAD: Final = ("eventId", "eventTime", "eventType", "taskId")  # in the line above; and a number of the server's own
_PARTS: Final = ("attributes", "events", "resource")


def of_operation(run: Row, operation: Row, attempts: list[Row]) -> None:
    """Two boxes under an operation's details: its history events, and its spans."""
    if operation["event_id"] is not None:
        box = st.expander("History events", key="raw_events", on_change="rerun", icon=":material/history:")
        if box.open:
            with box:
                _events(run, operation)
    box = st.expander("Spans", key="raw_spans", on_change="rerun", icon=":material/data_object:")
    if box.open:
        with box:
            spans = list(_spans(run, operation, attempts))
            for span in spans:
                body(span)
            if not spans:
                st.caption("No span of this operation has been received.")


def of_span(span: Row) -> None:
    """The box under a span's details."""
    with st.expander("Raw attributes", icon=":material/data_object:"):
        body(span)


def body(span: Row) -> None:
    """A span's attributes, events and resource."""
    whose = f"attempt {span['attempt']}" if span["attempt"] else "span"
    for part in _PARTS:
        if span[part] and span[part] not in ("{}", "[]"):
            st.caption(f"{part} of {whose} {plain(span['span_id'])}")
            code(span[part])


def code(value: Any) -> None:
    """JSON, or what came instead of it, as code."""
    try:
        parsed = json.loads(value) if isinstance(value, str) else value
        text = json.dumps(parsed, indent=1, ensure_ascii=False)
    except ValueError:
        text = str(value)  # not JSON: show what came
    st.code(text[:LONGEST], language=None, wrap_lines=True)  # coloured JSON is too faint in part
    if len(text) > LONGEST:
        st.caption(f"The first {LONGEST:,} of {len(text):,} characters.")


def _spans(run: Row, operation: Row, attempts: list[Row]) -> Iterator[Row]:
    key = identity.RunKey(**run_params(run))
    tried = (identity.AttemptKey(*key, row["activity_id"], int(row["attempt"])) for row in attempts[:MOST_SPANS])
    ids = [identity.operation_span_id(key, operation["operation_id"]), *map(identity.attempt_span_id, tried)]
    for span_id in ids:
        found = data.table("span", span_id=identity.format_span_id(span_id), **key._asdict()).to_pylist()
        yield from found


def _events(run: Row, operation: Row) -> None:
    try:
        key = run_params(run)
        found = _asked(**key, event_id=int(operation["event_id"]), closed=operation["closed"] is not None)
    except DurascopeError as error:
        st.caption(plain(f"They are Temporal's, and are read from it when asked for: {error}.", 400))
        return
    for event in found:
        kind = str(event.get("eventType", "")).removeprefix("EVENT_TYPE_").replace("_", " ").lower()
        st.caption(f"event {event.get('eventId')}: {kind}, {event.get('eventTime', '')}")
        told = {name: value for name, value in event.items() if name not in _HEAD}
        bodies = [name for name in told if name.endswith("EventAttributes")]
        code(told.pop(bodies[0]) | told if bodies else told)
    if not found:
        st.caption("Temporal's history has no event of this operation.")


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner=False)
def _asked(namespace: str, workflow_id: str, run_id: str, event_id: int, closed: bool) -> list[dict[str, Any]]:
    return temporal_events.events_of(identity.RunKey(namespace, workflow_id, run_id), event_id, closed=closed)
