"""The filter bar of the Runs page. Each control is bound to the URL, so a filtered page is a link."""

from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from durascope_dashboard import data

STATUSES: Final = ("running", "completed", "failed", "timed_out", "cancelled", "terminated", "continued_as_new")
VIEWS: Final[dict[str, dict[str, Any]]] = {
    "All runs": {},
    "Retrying now": {"view": "retrying"},
    "Longest backoff": {"order": "time_backoff_ms"},
    "Waiting for a human": {"view": "waiting"},
    "Queue-starved": {"order": "time_queue_ms"},
    "Most wasted tokens": {"view": "wasteful"},
}
PERIODS: Final = {"1 h": 3600, "24 h": 86_400, "7 d": 604_800, "All": 0}
KEYS: Final = ("trouble", "status", "type", "agent", "model", "queue", "build", "text", "period")


@dataclass(frozen=True)
class Filters:
    """What the bar asks for."""

    trouble: str = "All runs"
    status: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()
    text: str = ""
    period: str = "All"

    def any(self) -> bool:
        """Whether anything is left out."""
        return self != Filters()

    def params(self) -> dict[str, Any]:
        """Parameters of the query ``runs``."""
        seconds = PERIODS.get(self.period, 0)
        # Rounded to ten seconds, so that the answer can be shared between refreshes.
        since = (data.now() // 10_000_000 * 10 - seconds) * 1_000_000 if seconds else None
        return {
            "status": list(self.status), "workflow_type": list(self.types), "agent": list(self.agents),
            "model": list(self.models), "task_queue": list(self.queues), "build_id": list(self.builds),
            "text": self.text.strip(), "since": since, **VIEWS.get(self.trouble, {}),
        }  # fmt: skip


def facet_values() -> dict[str, list[str]]:
    """Facet -> its values, most frequent first."""
    found: dict[str, list[str]] = {}
    for row in data.rows(data.query("facets")):
        values = data.names(row["value"]) if row["facet"] in ("agents", "models") else [row["value"]]
        known = found.setdefault(row["facet"], [])
        known.extend(v for v in values if v and v not in known)
    return found


def clear() -> None:
    """Take all filters away."""
    for key in KEYS:
        st.session_state.pop(key, None)
        if key in st.query_params:
            del st.query_params[key]


def bar() -> Filters:
    """Draw the bar and answer what it asks for."""
    facets = facet_values()
    trouble = st.pills("Trouble", list(VIEWS), key="trouble", bind="query-params", default="All runs",
                       label_visibility="collapsed")  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input("Search", key="text", bind="query-params", placeholder="id, type, error …", width=230)
        status = st.multiselect("Status", STATUSES, key="status", bind="query-params", width=180,
                                format_func=lambda s: s.replace("_", " "))  # fmt: skip
        types = _facet("Workflow type", "type", facets.get("workflow_type", []), 190)
        with st.popover("More filters", icon=":material/tune:"):
            agents = _facet("Agent", "agent", facets.get("agents", []))
            models = _facet("Model", "model", facets.get("models", []))
            queues = _facet("Task queue", "queue", facets.get("task_queue", []))
            builds = _facet("Build", "build", facets.get("build_id", []))
        period = st.segmented_control("Started within", list(PERIODS), key="period", bind="query-params", default="All",
                                      required=True)  # fmt: skip
        st.toggle("Live", value=True, key="live")
    return Filters(
        trouble or "All runs", tuple(status), types, agents, models, queues, builds, text or "", period or "All"
    )


def _facet(label: str, key: str, options: list[str], width: int | None = None) -> tuple[str, ...]:
    chosen = st.multiselect(label, options, key=key, bind="query-params", width=width or "stretch")
    return tuple(chosen)
