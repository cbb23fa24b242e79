"""The contracted JSON as a schema (JSON Schema 2020-12): what must be there, of which type; more may be."""

from typing import Any

Schema = dict[str, Any]


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
MS: Schema = {"type": "number", "minimum": 0}
MOMENT: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
TOKENS = _object(input=COUNT, cached_input=COUNT, output=COUNT, reasoning=COUNT)
USD = _null({"type": "number", "minimum": 0})
RUN_STATUS: Schema = {
    "enum": ["running", "completed", "failed", "cancelled", "terminated", "timed_out", "continued_as_new"]
}
STATUS: Schema = {"enum": ["ok", "error", "timeout", "cancelled", "lost", "running", "pending"]}
TIME = (
    "model",
    "tool",
    "activity",
    "queue",
    "backoff",
    "external_wait",
    "timer",
    "workflow_task",
    "unexplained",
    "total",
)

ATTEMPT = _object(
    attempt={"type": "integer", "minimum": 1}, queued=_null(MOMENT), started=_null(MOMENT), ended=_null(MOMENT),
    status=STATUS, error_type=_null(TEXT), error_message=_null(TEXT), worker=_null(TEXT), tokens=_null(TOKENS),
    source={"enum": ["history", "span", "both"]}, estimated={"type": "boolean"},
)  # fmt: skip
OPERATION = _object(
    id=TEXT, activity_id=_null(TEXT), kind=TEXT, name=_null(TEXT), agent=_null(TEXT), model=_null(TEXT), status=STATUS,
    scheduled=_null(MOMENT), closed=_null(MOMENT), queue_ms=_null(MS), run_ms=_null(MS), backoff_ms=_null(MS),
    attempts={"type": "array", "items": ATTEMPT},
)  # fmt: skip
SUMMARY = _object(
    namespace=TEXT, workflow_id=TEXT, run_id=TEXT, first_run_id=TEXT, workflow_type=_null(TEXT),
    task_queue=_null(TEXT), status=RUN_STATUS, started=MOMENT, closed=_null(MOMENT), duration_ms=MS,
    trace_id=_null({"type": "string", "pattern": "^[0-9a-f]{32}$|^t$"}),
    retries=_object(operations=COUNT, attempts=COUNT, retries=COUNT, failed_attempts=COUNT),
    time_ms=_object(**dict.fromkeys(TIME, MS)),
    tokens=_object(billed=TOKENS, useful=TOKENS, wasted=TOKENS, unknown_attempts=COUNT),
    cost=_object(currency={"const": "USD"}, billed=USD, useful=USD, wasted=USD,
                 unpriced_models={"type": "array", "items": TEXT}),
    coverage=_object(history_attempts=COUNT, span_attempts=COUNT, reconstructed=COUNT, orphan_spans=COUNT,
                     duplicate_spans=COUNT),
)  # fmt: skip
RUN: Schema = {"allOf": [SUMMARY, _object(operations={"type": "array", "items": OPERATION})]}
RUNS: Schema = {"type": "array", "items": {"allOf": [SUMMARY, {"not": {"required": ["operations"]}}]}}
STORE_INFO = _object(
    engine=TEXT, path=TEXT, schema_version=COUNT, runs=COUNT, operations=COUNT, attempts=COUNT, spans=COUNT,
    bytes=COUNT, oldest=_null(MOMENT), newest=_null(MOMENT),
)  # fmt: skip
COMPARISON = _object(
    a=SUMMARY, b=SUMMARY, delta={"type": "object"}, aligned={"type": "array"},
    first_divergence=_null({"type": "object"}), warnings={"type": "array", "items": TEXT},
)  # fmt: skip
