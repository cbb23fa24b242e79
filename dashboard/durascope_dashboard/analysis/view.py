"""The JSON of one run, as `durascope show --json`, the read API and the exporters give it.

The keys of the contract come first; keys beyond it may be added, never taken away or given another
meaning. Durations are ms as numbers, times RFC 3339 in UTC with microseconds, unknown is null.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from durascope_dashboard.store.schema import TIME_CLASSES

Row = Mapping[str, Any]

TOKENS = ("input", "cached_input", "output", "reasoning")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(micros: int | None) -> str | None:
    """``2026-11-23T12:04:31.250000Z``."""
    if micros is None:
        return None
    return (_EPOCH + timedelta(microseconds=int(micros))).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def json_text(value: Any, *, indent: int | None = None) -> str:
    """One JSON document. NaN and infinities, for which JSON has no word, are null."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    except ValueError:  # hardly ever: so what is written is not looked through beforehand
        return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, indent=indent)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def run_object(run: Row, operations: Iterable[Row], attempts: Iterable[Row]) -> dict[str, Any]:
    """Rows of the tables runs, operations and attempts (plain values, None for null) -> the contracted object."""
    by_operation: defaultdict[str, list[Row]] = defaultdict(list)
    for attempt in attempts:
        by_operation[attempt["operation_id"]].append(attempt)
    listed = [_operation(row, by_operation[row["operation_id"]]) for row in operations]
    return run_summary(run) | {"operations": listed}


def run_summary(run: Row) -> dict[str, Any]:
    """The object without its operations, as `durascope runs --json` lists it."""
    facts = ("namespace", "workflow_id", "run_id", "first_run_id", "workflow_type", "task_queue", "status")
    times = {f"{name}": run.get(f"time_{name}_ms") or 0.0 for name in TIME_CLASSES}
    return {
        **{name: run.get(name) for name in facts},
        "started": moment(run.get("started")), "closed": moment(run.get("closed")),
        "duration_ms": run.get("duration_ms"), "trace_id": run.get("trace_id"),
        "retries": {name: run.get(name) or 0 for name in ("operations", "attempts", "retries", "failed_attempts")},
        "time_ms": times | {"total": round(sum(times.values()), 3)},
        "tokens": {part: _tokens(run, part) for part in ("billed", "useful", "wasted")}
        | {"unknown_attempts": run.get("unknown_attempts") or 0},
        "cost": {"currency": "USD"} | {part: _cost(run.get(f"cost_{part}")) for part in ("billed", "useful", "wasted")}
        | {"unpriced_models": _names(run.get("unpriced_models"))},
        "coverage": {name: run.get(name) or 0 for name in (
            "history_attempts", "span_attempts", "reconstructed", "orphan_spans", "duplicate_spans")},
        "parent": _parent(run), "previous_run_id": run.get("previous_run_id"), "next_run_id": run.get("next_run_id"),
        "build_id": run.get("build_id"), "conversation_id": run.get("conversation_id"),
        "history_events": run.get("history_events"), "history_bytes": run.get("history_bytes"),
        "failure": _failure(run.get("failure_type"), run.get("failure_message")),
        "agents": _names(run.get("agents")), "models": _names(run.get("models")),
        "waiting_for": run.get("waiting_for"), "current_operation": run.get("current_operation"),
        "next_retry": moment(run.get("next_retry")), "skew_ms": run.get("skew_ms"),
    }  # fmt: skip


def _tokens(row: Row, part: str) -> dict[str, int]:
    found = {kind: int(row.get(f"{part}_{kind}") or 0) for kind in TOKENS}
    written = int(row.get(f"{part}_cache_write") or 0)
    return found | ({"cache_write": written} if written else {})


def _cost(value: float | None) -> float | None:
    return None if value is None else round(value, 9)


def _names(text: str | None) -> list[str]:
    return list(json.loads(text)) if text else []


def _parent(run: Row) -> dict[str, Any] | None:
    if not run.get("parent_workflow_id"):
        return None
    return {"workflow_id": run["parent_workflow_id"], "run_id": run.get("parent_run_id")}


def _failure(kind: str | None, message: str | None) -> dict[str, Any] | None:
    return {"type": kind, "message": message} if kind or message else None


def _operation(row: Row, attempts: list[Row]) -> dict[str, Any]:
    return {
        "id": row["operation_id"], "activity_id": row.get("activity_id"), "kind": row.get("kind"),
        "name": row.get("name"), "agent": row.get("agent"), "model": row.get("model"), "status": row.get("status"),
        "scheduled": moment(row.get("scheduled")), "closed": moment(row.get("closed")),
        "queue_ms": row.get("queue_ms"), "run_ms": row.get("run_ms"), "backoff_ms": row.get("backoff_ms"),
        "attempts": [_attempt(attempt) for attempt in sorted(attempts, key=lambda a: int(a["attempt"]))],
        "attempt_count": row.get("attempts") or 0, "max_attempts": row.get("max_attempts"),
        "source": row.get("source"), "detail": row.get("detail"),
        "error_type": row.get("error_type"), "error_message": row.get("error_message"),
    }  # fmt: skip


def _attempt(row: Row) -> dict[str, Any]:
    same = ("error_type", "error_message", "worker")
    more = ("queue_ms", "run_ms", "backoff_ms", "retry_delay_ms", "retry_by", "fingerprint", "task_queue", "build_id",
            "model", "response_id", "http_status", "http_retries", "useful", "skew_ms")  # fmt: skip
    known = row.get("tokens_input") is not None or row.get("tokens_output") is not None
    tokens = {kind: int(row.get(f"tokens_{kind}") or 0) for kind in TOKENS}
    if row.get("tokens_cache_write"):
        tokens["cache_write"] = int(row["tokens_cache_write"])
    return {
        "attempt": int(row["attempt"]),
        "queued": moment(row.get("queued")), "started": moment(row.get("started")), "ended": moment(row.get("ended")),
        "status": row.get("status"), **{name: row.get(name) for name in same},
        "tokens": tokens if known else None, "source": row.get("source"), "estimated": bool(row.get("estimated")),
        **{name: row.get(name) for name in more}, "cost": _cost(row.get("cost")),
        "next_retry": moment(row.get("next_retry")),
    }  # fmt: skip
