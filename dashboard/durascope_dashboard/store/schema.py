"""Tables and their columns, once, for every engine. Arrow types; times are int64 microseconds since the epoch (UTC).

Evidence (what each source said, upserted on its key) is kept apart from the joined tables (what follows from it),
so that a run can be joined again at any time without asking a source again.

    spans, span_attempts  <- OTLP            history_*  <- Temporal history        observations <- Describe
                         \\________________ join ________________/
                           runs   operations   attempts
"""

from collections.abc import Mapping
from typing import Final

import pyarrow as pa

SCHEMA_VERSION: Final = 1

_STR, _I64, _F64, _BOOL = pa.string(), pa.int64(), pa.float64(), pa.bool_()
RUN_KEY: Final = ("namespace", "workflow_id", "run_id")
ATTEMPT_KEY: Final = (*RUN_KEY, "activity_id", "attempt")
TOKEN_KINDS: Final = ("input", "cached_input", "output", "reasoning", "cache_write")

# What lies beyond is a mistake of whoever said it, and counts as not said.
MAX_ATTEMPT: Final = 2**31 - 1  # Temporal's own type of an attempt's number
MAX_TOKENS: Final = 2**53 // 10**6  # of one attempt (9e9): those of a million attempts still add up exactly
MAX_MS: Final = 100 * 365 * 86_400_000.0  # a delay, a timeout, a clock's skew: a century
MAX_MICROS: Final = 2**63 // 1000  # a moment: the last that OTLP's nanoseconds can say, in 2262


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


_KEY: Final = dict.fromkeys(RUN_KEY, _STR)
RUN_KEYS: Final = _schema(**_KEY)

# Raw spans as received. Unique on (trace_id, span_id): the row with the highest seq wins, the rest are duplicates.
SPANS: Final = _schema(
    **_KEY,  # empty strings where a span names no run
    trace_id=_STR, span_id=_STR, parent_span_id=_STR,
    name=_STR,
    kind=_STR,  # conventions.KIND, or what the dialect says; null if unknown
    start=_I64, end=_I64,  # microseconds; end null for a span that is only begun
    status=_STR,  # ok | error | unset
    status_message=_STR,
    activity_id=_STR, attempt=_I64, agent=_STR, model=_STR,
    input_tokens=_I64, cached_input_tokens=_I64, cache_write_tokens=_I64, output_tokens=_I64, reasoning_tokens=_I64,
    service=_STR, scope=_STR,
    attributes=_STR,  # JSON object
    events=_STR,  # JSON array
    resource=_STR,  # JSON object
    received=_I64, seq=_I64,
)  # fmt: skip

_ATTEMPT: Final = {
    **_KEY, "activity_id": _STR, "attempt": _I64, "status": _STR, "source": _STR,
    "queued": _I64, "started": _I64, "ended": _I64,
    "error_type": _STR, "error_message": _STR, "retry_delay_ms": _F64, "retry_by": _STR,
    "worker": _STR, "task_queue": _STR, "build_id": _STR, "model": _STR, "response_id": _STR,
    "http_status": _I64, "http_retries": _I64,
    "tokens_input": _I64, "tokens_cached_input": _I64, "tokens_output": _I64, "tokens_reasoning": _I64,
    "tokens_cache_write": _I64,
    "estimated": _BOOL, "skew_ms": _F64,
}  # fmt: skip

# records.AttemptFacts, tokens flattened (all null: unknown). History's; and the worker's, from attempt spans and
# started-events, with what only a span knows of its operation.
HISTORY_ATTEMPTS: Final = _schema(**_ATTEMPT)
SPAN_ATTEMPTS: Final = _schema(
    **_ATTEMPT,
    workflow_type=_STR, activity_type=_STR, operation_kind=_STR, agent=_STR, max_attempts=_I64,
    scheduled=_I64, is_local=_BOOL, parent_span_id=_STR, trace_id=_STR, span_id=_STR,
    begun_only=_BOOL,  # only the started-event has arrived
)  # fmt: skip
# Describe's view of a pending activity, kept as evidence of attempts between polls. Upserts on the attempt key.
OBSERVATIONS: Final = _schema(
    **_ATTEMPT,
    next_retry=_I64, max_attempts=_I64, paused=_BOOL, last_heartbeat=_I64, observed=_I64,
)  # fmt: skip

HISTORY_RUNS: Final = _schema(
    **_KEY, workflow_type=_STR, task_queue=_STR, status=_STR, started=_I64, first_run_id=_STR, closed=_I64,
    previous_run_id=_STR, next_run_id=_STR, parent_workflow_id=_STR, parent_run_id=_STR, build_id=_STR,
    trace_id=_STR, parent_span_id=_STR, conversation_id=_STR, history_events=_I64, history_bytes=_I64,
    failure_type=_STR, failure_message=_STR, last_event_id=_I64, from_history=_BOOL,
)  # fmt: skip

_OPERATION: Final = {
    **_KEY, "operation_id": _STR, "kind": _STR, "name": _STR, "status": _STR, "scheduled": _I64, "closed": _I64,
    "activity_id": _STR, "activity_type": _STR, "agent": _STR, "model": _STR, "task_queue": _STR,
    "attempts": _I64, "max_attempts": _I64,
    "initial_interval_ms": _F64, "backoff_coefficient": _F64, "max_interval_ms": _F64,
    "schedule_to_start_ms": _F64, "start_to_close_ms": _F64, "schedule_to_close_ms": _F64, "heartbeat_ms": _F64,
    "parent_span_id": _STR, "event_id": _I64, "error_type": _STR, "error_message": _STR, "detail": _STR,
}  # fmt: skip
HISTORY_OPERATIONS: Final = _schema(**_OPERATION)
HISTORY_WAITS: Final = _schema(**_KEY, kind=_STR, started=_I64, ended=_I64)

# The joined tables. `attempts` has one row an attempt, whoever told of it.
ATTEMPTS: Final = _schema(
    **_ATTEMPT,
    operation_id=_STR, kind=_STR, name=_STR, agent=_STR,
    fingerprint=_STR,  # of the error: the same in every run that failed the same way
    queue_ms=_F64, run_ms=_F64, backoff_ms=_F64,  # backoff *before* this attempt
    useful=_BOOL,  # it is its operation's successful attempt
    cost=_F64,  # USD; null without tokens or without a price
    next_retry=_I64, last_heartbeat=_I64, paused=_BOOL,
)  # fmt: skip
OPERATIONS: Final = _schema(
    **_OPERATION,
    queue_ms=_F64, run_ms=_F64, backoff_ms=_F64, source=_STR,
    **{f"{part}_{kind}": _I64 for part in ("billed", "useful") for kind in TOKEN_KINDS},
    unknown_attempts=_I64, cost_billed=_F64, cost_useful=_F64,
)  # fmt: skip
TIME_CLASSES: Final = (
    "model", "tool", "activity", "queue", "backoff", "external_wait", "timer", "workflow_task", "unexplained",
)  # fmt: skip
RUNS: Final = _schema(
    **{f.name: f.type for f in HISTORY_RUNS},
    duration_ms=_F64,  # until now for an open run
    operations=_I64, attempts=_I64, retries=_I64, failed_attempts=_I64, max_attempt=_I64,
    **{f"time_{name}_ms": _F64 for name in TIME_CLASSES},
    queue_p95_ms=_F64, max_backoff_ms=_F64,
    **{f"{part}_{kind}": _I64 for part in ("billed", "useful", "wasted") for kind in TOKEN_KINDS},
    unknown_attempts=_I64,
    cost_billed=_F64, cost_useful=_F64, cost_wasted=_F64, unpriced_models=_STR,  # JSON array of names
    history_attempts=_I64, span_attempts=_I64, reconstructed=_I64, orphan_spans=_I64, duplicate_spans=_I64,
    agents=_STR, models=_STR,  # JSON arrays
    current_operation=_STR, current_status=_STR, current_attempt=_I64, current_max_attempts=_I64, next_retry=_I64,
    waiting_for=_STR,  # human | timer | worker | retry | null
    last_error_type=_STR, skew_ms=_F64,
    spark=_STR,  # JSON array: attempts of each operation, in order
    updated=_I64,
)  # fmt: skip

TABLES: Final[Mapping[str, pa.Schema]] = {
    "spans": SPANS,
    "span_attempts": SPAN_ATTEMPTS,
    "observations": OBSERVATIONS,
    "history_runs": HISTORY_RUNS,
    "history_operations": HISTORY_OPERATIONS,
    "history_attempts": HISTORY_ATTEMPTS,
    "history_waits": HISTORY_WAITS,
    "runs": RUNS,
    "operations": OPERATIONS,
    "attempts": ATTEMPTS,
}
