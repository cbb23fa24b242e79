"""The filter bar of the Runs page. Each control is bound to the URL, so a filtered page is a link.

None of them is called as a control or parameter of another page: its value would go along to there.
"""

from dataclasses import dataclass, fields
from typing import Any, Final

import streamlit as st

from durascope_dashboard import data
from durascope_dashboard.store.queries.runs import DEFAULT_BUDGET

STATUSES: Final = ("running", "completed", "failed", "timed_out", "cancelled", "terminated", "continued_as_new")
VIEWS: Final[dict[str, dict[str, Any]]] = {
    "All runs": {},
    "Retrying now": {"view": "retrying"},
    "Longest backoff": {"view": "backed_off", "order": "max_backoff_ms"},
    "No heartbeat": {"view": "no_heartbeat"},
    "Waiting for a human": {"view": "human"},
    "Queue-starved": {"view": "queue_starved", "order": "queue_p95_ms"},
    "Workflow-task problem": {"view": "task_problem"},
    "Most wasted tokens": {"view": "wasteful", "order": "cost_wasted"},
    "Over token budget": {"view": "over_budget", "order": "billed_input"},
}
HELP: Final = {
    "Retrying now": "Open runs whose current operation is past its first attempt.",
    "Longest backoff": "Runs that waited between attempts, the longest single wait first.",
    "No heartbeat": "Open runs with an attempt that has given no sign of life for a minute.",
    "Waiting for a human": "Open runs that wait for a signal or an update from outside.",
    "Queue-starved": "Runs whose attempts waited over a second for a worker (p95), or wait now.",
    "Workflow-task problem": "Runs with a failed workflow task: non-determinism, a deadlock or a bug in workflow code.",
    "Most wasted tokens": "Runs that paid for results that were not used, the most expensive first.",
    "Over token budget": "Runs that billed more tokens than the budget beside the filters.",
}
ORDERS: Final = {
    "Newest": "started", "Longest": "duration_ms", "Most attempts": "attempts", "Most failures": "failed_attempts",
    "Longest backoff": "max_backoff_ms", "Longest queue wait": "queue_p95_ms", "Most input tokens": "billed_input",
    "Most expensive": "cost_billed", "Most wasted cost": "cost_wasted",
}  # fmt: skip
PERIODS: Final = {"1 h": 3600, "24 h": 86_400, "7 d": 604_800, "All": 0}
FACETS_FRESH_S: Final = 15


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
    namespaces: tuple[str, ...] = ()
    activities: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    text: str = ""
    period: str = "All"
    sort: str = ""
    budget: int = DEFAULT_BUDGET

    def any(self) -> bool:
        """Whether anything is left out."""
        kept = ("sort", "budget")
        return any(getattr(self, f.name) != f.default for f in fields(self) if f.name not in kept)

    def params(self) -> dict[str, Any]:
        """Parameters of the query ``run_totals``."""
        seconds = PERIODS.get(self.period, 0)
        # Rounded to ten seconds, so that the answer can be shared between refreshes.
        since = (data.now() // 10_000_000 * 10 - seconds) * 1_000_000 if seconds else None
        return {
            "status": list(self.status), "workflow_type": list(self.types), "agent": list(self.agents),
            "model": list(self.models), "task_queue": list(self.queues), "build_id": list(self.builds),
            "namespace": list(self.namespaces), "activity": list(self.activities),
            "worker": list(self.workers), "fingerprint": list(self.errors), "text": self.text.strip(), "since": since,
            "budget": self.budget,
            "view": VIEWS.get(self.trouble, {}).get("view"),
        }  # fmt: skip

    def order(self) -> dict[str, Any]:
        """What the query ``runs`` takes besides: the order that is asked for, else the trouble's own."""
        return {"order": ORDERS.get(self.sort) or VIEWS.get(self.trouble, {}).get("order", "started")}


@st.cache_data(ttl=FACETS_FRESH_S, max_entries=20, show_spinner=False)
def _facets(source: tuple[str | None, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in data.records("facets"):
        values = data.names(row["value"]) if row["facet"] in ("agents", "models") else [row["value"]]
        known = found.setdefault(row["facet"], [])
        known.extend(v for v in values if v and v not in known)
    return found


def facet_values() -> dict[str, list[str]]:
    """Facet -> its values, most frequent first; read again every quarter of a minute."""
    return _facets(data.source())


def bar() -> Filters:
    """Draw the bar and answer what it asks for."""
    facets = facet_values()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("### Runs", width="content")
        trouble = st.pills("Trouble", list(VIEWS), key="trouble", bind="query-params", default="All runs",
                           label_visibility="collapsed") or "All runs"  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input("Search", key="text", bind="query-params", placeholder="id, type, error …", width=190)
        status = st.multiselect("Status", STATUSES, key="status", bind="query-params", width=170, placeholder="any",
                                format_func=lambda s: s.replace("_", " "))  # fmt: skip
        types = facet("Workflow type", "workflow", facets.get("workflow_type", []), 190)
        # Of an attempt: nobody chooses from all there are; links of other pages lead here with one.
        activities, workers, errors = (
            facet(label, key, [], 190) if st.query_params.get_all(key) else ()
            for label, key in (("Activity", "activity"), ("Worker", "worker"), ("Error", "fingerprint"))
        )
        with st.popover("More filters", icon=":material/tune:"):
            agents = facet("Agent", "agent", facets.get("agents", []))
            models = facet("Model", "model", facets.get("models", []))
            queues = facet("Task queue", "queue", facets.get("task_queue", []))
            builds = facet("Build", "build", facets.get("build_id", []))
            namespaces = facet("Namespace", "ns", facets.get("namespace", []))
        period = st.segmented_control("Started within", list(PERIODS), key="within", bind="query-params", default="All",
                                      required=True)  # fmt: skip
        sort = st.selectbox("Order", list(ORDERS), index=None, key="sort", bind="query-params", width=160,
                            placeholder=_own_order(trouble))  # fmt: skip
        budget = DEFAULT_BUDGET
        if trouble == "Over token budget":
            budget = int(st.number_input("Budget, tokens", 0, value=DEFAULT_BUDGET, step=10_000, key="budget",
                                         bind="query-params", width=150))  # fmt: skip
        st.toggle("Live", value=True, key="live", bind="query-params")
    return Filters(
        trouble, tuple(status), types, agents, models, queues, builds, namespaces, activities, workers, errors,
        text or "", period or "All", sort or "", budget,
    )  # fmt: skip


def _own_order(trouble: str) -> str:
    column = VIEWS[trouble].get("order", "started")
    return next(words for words, name in ORDERS.items() if name == column)


def facet(label: str, key: str, options: list[str], width: int | None = None, empty: str = "any") -> tuple[str, ...]:
    """A box over ``?key=``, any number of values. One from the link that no run has is kept, so that the page says
    what it was asked for.
    """
    asked = [value for value in st.query_params.get_all(key) if value not in options]
    chosen = st.multiselect(
        label, [*options, *asked], key=key, bind="query-params", width=width or "stretch", placeholder=empty
    )
    return tuple(chosen)
