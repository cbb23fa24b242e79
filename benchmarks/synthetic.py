"""A large store, made with SQL inside DuckDB: what months of agent runs leave behind, in minutes instead.

A run has 20 spans, 6 operations and 7 attempts, as benchmarks/load.py sends them; runs are spread evenly over
``days`` that end now. Run ids are UUIDv7, as Temporal's are.
"""

from collections.abc import Iterator
from pathlib import Path

from durascope_dashboard.clock import micros_now
from durascope_dashboard.store import schema
from durascope_dashboard.store.duckdb_store import DuckStore

CHUNK = 25_000
_DAY_US = 86_400_000_000
_TYPES = "['ResearchWorkflow','SupportWorkflow','ReviewWorkflow','IngestWorkflow','PlanWorkflow']"
_MODELS = "['gpt-5-mini','gpt-5','gpt-4.1-mini']"

_BASE = f"""
CREATE OR REPLACE TEMP TABLE base AS SELECT i, started, 4000000 + (i * 7919) % 26000000 AS length,
  'default' AS namespace, printf('agent-run-%09d', i) AS workflow_id, list_extract({_TYPES}, 1 + i % 5) AS type,
  list_extract({_MODELS}, 1 + i % 3) AS model, md5(i::VARCHAR) AS trace_id, i % 29 = 0 AS failed,
  left(printf('%012x', started // 1000), 8) || '-' || right(printf('%012x', started // 1000), 4) || '-7'
    || left(md5('r' || i), 3) || '-8' || substr(md5('r' || i), 4, 3) || '-' || right(md5('r' || i), 12) AS run_id
FROM (SELECT i, $from + i * $step AS started FROM range($low, $high) t(i))
"""

_SPANS = """
SELECT namespace, workflow_id, run_id, trace_id, left(md5(i || 's' || n), 16) AS span_id,
  left(md5(i || 's' || (n // 3)), 16) AS parent_span_id,
  CASE n % 3 WHEN 0 THEN 'turn ' || n WHEN 1 THEN 'invoke_model_activity' ELSE 'invoke_model_activity attempt 1' END
    AS name,
  CASE n % 3 WHEN 0 THEN 'turn' WHEN 1 THEN 'operation' ELSE 'attempt' END AS kind,
  started + n * (length // 20) AS start, started + (n + 1) * (length // 20) AS "end", 'ok' AS status,
  CASE WHEN n % 3 > 0 THEN (1 + n // 3)::VARCHAR END AS activity_id, CASE n % 3 WHEN 2 THEN 1 END AS attempt,
  'Planner' AS agent, model, 900 + 37 * n AS input_tokens, 120 AS output_tokens,
  'agents-worker' AS service, 'durascope' AS scope,
  '{"durascope.namespace":"default","temporalWorkflowID":"' || workflow_id || '","temporalRunID":"' || run_id
    || '","durascope.workflow_type":"' || type || '","durascope.task_queue":"agents","durascope.kind":"attempt",'
    || '"durascope.worker":"4711@worker-7f9c","durascope.build_id":"1.4.2","gen_ai.request.model":"' || model
    || '","gen_ai.usage.input_tokens":' || (900 + 37 * n) || ',"gen_ai.response.id":"resp_' || md5(i || 'x' || n)
    || '","durascope.queued_time":' || (started * 1000 + n) || ',"durascope.started_time":'
    || (started * 1000 + 4000000 + n) || ',"durascope.retry.max_attempts":5}' AS attributes,
  '{"service.name":"agents-worker","host.name":"worker-7f9c"}' AS resource,
  started + length AS received, i * 20 + n AS seq
FROM base CROSS JOIN range(20) s(n) ORDER BY i, n
"""

_ATTEMPTS = """
SELECT namespace, workflow_id, run_id, (1 + n % 6)::VARCHAR AS activity_id, 'activity:' || (1 + n % 6) AS operation_id,
  CASE WHEN n = 6 THEN 2 ELSE 1 END AS attempt, CASE WHEN n = 0 THEN 'error' ELSE 'ok' END AS status,
  'both' AS source, started + n * 1000000 AS queued, started + n * 1000000 + 4000 AS started,
  started + n * 1000000 + 800000 AS ended, CASE WHEN n = 0 THEN 'APIStatusError' END AS error_type,
  CASE WHEN n = 0 THEN 'Rate limit reached' END AS error_message, CASE WHEN n = 0 THEN 'a1b2c3d4' END AS fingerprint,
  '4711@worker-7f9c' AS worker, 'agents' AS task_queue, '1.4.2' AS build_id, model,
  CASE WHEN n > 0 THEN 900 + 37 * n END AS tokens_input, CASE WHEN n > 0 THEN 120 END AS tokens_output,
  false AS estimated, type AS workflow_type, 'invoke_model_activity' AS activity_type, 'model' AS operation_kind,
  'model' AS kind, 'invoke_model_activity' AS name, 'Planner' AS agent, false AS begun_only, trace_id,
  4.0 AS queue_ms, 796.0 AS run_ms, 0.0 AS backoff_ms, n > 0 AS useful, 0.001 AS cost
FROM base CROSS JOIN range(7) s(n) ORDER BY i, n
"""

_OPERATIONS = """
SELECT namespace, workflow_id, run_id, 'activity:' || (1 + n) AS operation_id, 'model' AS kind,
  'invoke_model_activity' AS name, 'ok' AS status, started + n * 1000000 AS scheduled,
  started + n * 1000000 + 800000 AS closed, (1 + n)::VARCHAR AS activity_id,
  'invoke_model_activity' AS activity_type, 'Planner' AS agent, model, 'agents' AS task_queue,
  CASE n WHEN 0 THEN 2 ELSE 1 END AS attempts, 5 AS max_attempts, 5 + n AS event_id, 4.0 AS queue_ms,
  796.0 AS run_ms, 0.0 AS backoff_ms, 'both' AS source, 900 AS billed_input, 120 AS billed_output,
  900 AS useful_input, 120 AS useful_output, 0 AS unknown_attempts, 0.001 AS cost_billed, 0.001 AS cost_useful
FROM base CROSS JOIN range(6) s(n) ORDER BY i, n
"""

_RUNS = """
SELECT namespace, workflow_id, run_id, type AS workflow_type, 'agents' AS task_queue,
  CASE WHEN failed THEN 'failed' ELSE 'completed' END AS status, started, run_id AS first_run_id,
  started + length AS closed, '1.4.2' AS build_id, trace_id, 64 AS history_events, 48000 AS history_bytes,
  CASE WHEN failed THEN 'APIStatusError' END AS failure_type, 64 AS last_event_id, true AS from_history,
  CASE WHEN failed THEN 'Rate limit reached for ' || model END AS failure_message, length / 1000.0 AS duration_ms,
  6 AS operations, 7 AS attempts, 1 AS retries, 1 AS failed_attempts, 2 AS max_attempt,
  length / 2000.0 AS time_model_ms, length / 9000.0 AS time_queue_ms, length / 8000.0 AS time_backoff_ms,
  length / 4000.0 AS time_unexplained_ms, 4.0 AS queue_p95_ms, 1500.0 AS max_backoff_ms,
  6000 + i % 997 AS billed_input, 720 AS billed_output, 6000 + i % 997 AS useful_input, 720 AS useful_output,
  0 AS wasted_input, 0 AS wasted_output, 1 AS unknown_attempts, 0.006 AS cost_billed, 0.006 AS cost_useful,
  7 AS history_attempts, 7 AS span_attempts, 0 AS orphan_spans, 0 AS duplicate_spans,
  '["Planner","Writer"]' AS agents, '["' || model || '"]' AS models, '[2,1,1,1,1,1]' AS spark,
  started + length AS updated
FROM base ORDER BY i
"""

_QUERIES = {
    "spans": _SPANS, "span_attempts": _ATTEMPTS, "attempts": _ATTEMPTS, "history_attempts": _ATTEMPTS,
    "operations": _OPERATIONS, "history_operations": _OPERATIONS, "runs": _RUNS, "history_runs": _RUNS,
}  # fmt: skip


def fill(path: Path, runs: int, days: float = 7.0) -> Iterator[int]:
    """Make a store of that many runs; yields how many are in it after each step."""
    step = int(days * _DAY_US / runs)
    begin = micros_now() - runs * step - 60_000_000
    with DuckStore(path) as store:
        connection = store.cursor()
        for low in range(0, runs, CHUNK):
            high = min(low + CHUNK, runs)
            connection.execute(_BASE, {"from": begin, "step": step, "low": low, "high": high})
            for table, select in _QUERIES.items():
                names = connection.sql(select).columns
                columns = ", ".join(f'"{name}"' for name in schema.TABLES[table].names if name in names)
                connection.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM ({select})")
            yield high
        store.set_meta("joined_seq", str(store.next_seq()))
        store.checkpoint()
