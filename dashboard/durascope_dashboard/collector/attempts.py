"""Attempts as attempt spans, or the events of their start, tell them: rows of ``span_attempts``."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from durascope.records import Source, Status
from durascope_dashboard.collector import columns
from durascope_dashboard.collector.facts import Facts
from durascope_dashboard.store import schema

_STATUSES: Final = pa.array([str(status) for status in Status])
TAKEN: Final = (
    "activity_id", "attempt", "queued", "error_type", "retry_delay_ms", "retry_by", "worker", "task_queue", "build_id",
    "model", "response_id", "http_status", "http_retries", "workflow_type", "activity_type", "operation_kind", "agent",
    "max_attempts", "scheduled", "parent_span_id",
)  # fmt: skip


def run_columns(facts: Facts, namespaces: pa.Array) -> dict[str, pa.Array]:
    """The run that each row tells of; empty strings where it names none. ``namespaces``: of rows that name only one."""
    workflow, run = facts.column("workflow_id"), facts.column("run_id")
    named = pc.and_(workflow.is_valid(), run.is_valid())
    namespace = pc.coalesce(facts.column("namespace"), namespaces)
    key = zip(schema.RUN_KEY, (namespace, workflow, run), strict=True)
    return {name: pc.if_else(named, column, "") for name, column in key}


def attempts_table(facts: Facts, given: Mapping[str, pa.Array], wanted: pa.Array) -> pa.Table | None:
    """Attempts from the rows that are ``wanted`` and have a whole key; None if there are none.

    ``given``: run key, trace_id, span_id, start and end (on the worker's clock), failed, message, begun_only.
    The server's start, where said, is the attempt's; the difference to the worker's tells the skew.
    """
    whole = pc.and_(facts.column("activity_id").is_valid(), facts.column("attempt").is_valid())
    rows = pc.indices_nonzero(pc.and_(pc.and_(wanted, whole), pc.not_equal(given["run_id"], "")))
    if not len(rows):
        return None
    made = {name: facts.column(name) for name in TAKEN}
    made |= {f"tokens_{kind}": facts.column(kind) for kind in schema.TOKEN_KINDS}
    made |= {name: given[name] for name in (*schema.RUN_KEY, "trace_id", "span_id", "begun_only")}
    begun, server, end = given["start"], facts.column("started"), given["end"]
    made |= {
        "status": _status(facts.column("status"), given["failed"], end),
        "source": pa.repeat(str(Source.SPAN), facts.rows),
        "started": pc.coalesce(server, begun),
        "ended": end,
        "error_message": pc.coalesce(facts.column("error_message"), given["message"]),
        "estimated": pa.array(np.zeros(facts.rows, np.bool_)),
        "skew_ms": pc.divide(pc.cast(pc.subtract(begun, server), pa.float64()), 1000.0),
        "is_local": pc.fill_null(facts.column("is_local"), False),
    }
    return columns.table({name: column.take(rows) for name, column in made.items()}, schema.SPAN_ATTEMPTS)


def _status(said: pa.Array, failed: pa.Array, end: pa.Array) -> pa.Array:
    """What the worker says; else without an end it runs, and with one it failed as its span did."""
    ended = pc.if_else(failed, str(Status.ERROR), str(Status.OK))
    guessed = pc.if_else(end.is_null(), str(Status.RUNNING), ended)
    return pc.if_else(pc.is_in(said, _STATUSES), said, guessed)
