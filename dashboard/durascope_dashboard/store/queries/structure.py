"""What the Run page reads of a run's spans: their tree without what they say, and one of them with everything."""

from typing import Any

import ibis

from durascope import conventions
from durascope_dashboard.store.queries.tables import TABLES, of_run

COLUMNS = ("trace_id", "span_id", "parent_span_id", "name", "kind", "start", "end", "status", "activity_id", "attempt",
           "agent", "model")  # fmt: skip
# A row of the joined tables stands for these already.
_STANDS = (conventions.SPAN_ATTEMPT, conventions.SPAN_OPERATION, conventions.SPAN_MODEL)
_AGENTS_TRACE = conventions.AGENTS_TRACE_ID.replace(".", r"\.") + r'"\s*:\s*"([^"\\]*)"'


def structure(workflow_id: str, run_id: str, namespace: str | None = None) -> Any:
    """Spans that give a run its shape (agents, turns, handoffs, custom spans), each once, without attributes.

    Spans that an operation or an attempt of the run stands for are left out. ``agents_trace_id``: the id of the
    Agents SDK's trace, where the span names it.
    """
    t = TABLES["spans"]
    found = of_run(t, workflow_id, run_id, namespace)
    known = found["activity_id"].notnull() & found["kind"].isin(_STANDS)
    found = found.filter(~known.fill_null(False))
    rank = ibis.row_number().over(group_by=[found["trace_id"], found["span_id"]], order_by=found["seq"].desc())
    last = found.mutate(rank_=rank)
    last = last.filter(last["rank_"] == 0)
    named = last["attributes"].re_extract(_AGENTS_TRACE, 1).nullif("")
    light = last.select(
        *COLUMNS, agents_trace_id=ibis.ifelse(last["kind"] == conventions.SPAN_AGENT, named, ibis.null(str))
    )
    return light.order_by([light["start"], light["span_id"]])


def span(workflow_id: str, run_id: str, span_id: str, namespace: str | None = None) -> Any:
    """One span of a run with attributes, events and resource; the last that arrived."""
    found = of_run(TABLES["spans"], workflow_id, run_id, namespace)
    found = found.filter(found["span_id"] == span_id)
    return found.order_by(found["seq"].desc()).limit(1)
