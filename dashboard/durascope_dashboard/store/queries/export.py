"""Queries of the exporters: everything in a batch of runs, by run id, in three questions instead of three a run."""

from typing import Any

import ibis

from durascope_dashboard.store.queries.tables import TABLES


def export_operations(run_id: list[str]) -> Any:
    """Operations of the runs with these run ids."""
    t = TABLES["operations"]
    found = t.filter(t["run_id"].isin(run_id))
    return found.order_by([found["run_id"], found["scheduled"], found["event_id"], found["operation_id"]])


def export_attempts(run_id: list[str]) -> Any:
    """Attempts of the runs with these run ids."""
    t = TABLES["attempts"]
    found = t.filter(t["run_id"].isin(run_id))
    return found.order_by([found["run_id"], found["operation_id"], found["attempt"]])


def export_spans(run_id: list[str]) -> Any:
    """Spans of the runs with these run ids, each once: the last that arrived of each id."""
    t = TABLES["spans"]
    found = t.filter(t["run_id"].isin(run_id))
    rank = ibis.row_number().over(group_by=[found["trace_id"], found["span_id"]], order_by=found["seq"].desc())
    last = found.mutate(rank_=rank)
    last = last.filter(last["rank_"] == 0).drop("rank_")
    return last.order_by([last["run_id"], last["start"], last["span_id"]])
