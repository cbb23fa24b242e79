"""Two synthetic joined runs: `retried` (a model call that fails once, a tool, a timer) and `open` (still running)."""

from typing import Any

from durascope_dashboard.export.selection import Row, Selection

T0 = 1_700_000_000_000_000  # µs
S = 1_000_000

RETRIED = {"namespace": "default", "workflow_id": "research-1", "run_id": "run-1"}
OPEN = {"namespace": "default", "workflow_id": "research-2", "run_id": "run-2"}


def run(key: dict[str, str], **more: Any) -> Row:
    """A runs row."""
    return {
        **key, "workflow_type": "Research", "task_queue": "agents", "status": "completed", "started": T0,
        "closed": T0 + 20 * S, "first_run_id": key["run_id"], "from_history": True, "updated": T0 + 21 * S,
        "duration_ms": 20_000.0, "operations": 3, "attempts": 3, "retries": 1, "failed_attempts": 1,
        "billed_input": 100, "billed_output": 20, "useful_input": 100, "useful_output": 20, "wasted_input": 0,
        "wasted_output": 0, "unknown_attempts": 1, "history_attempts": 3, "span_attempts": 0, "reconstructed": 3,
        "orphan_spans": 0, "duplicate_spans": 0, **more,
    }  # fmt: skip


def operation(
    key: dict[str, str], operation_id: str, kind: str, name: str, start: int, end: int | None, **more: Any
) -> Row:
    """An operations row; times in seconds after T0."""
    activity = operation_id.removeprefix("activity:") if operation_id.startswith("activity:") else None
    return {
        **key, "operation_id": operation_id, "kind": kind, "name": name, "status": "ok", "scheduled": T0 + start * S,
        "closed": None if end is None else T0 + end * S, "activity_id": activity, "task_queue": "agents",
        "attempts": 1 if activity else 0, **more,
    }  # fmt: skip


def attempt(op: Row, number: int, queued: int, started: int, ended: int | None, **more: Any) -> Row:
    """An attempts row of the operation; times in seconds after T0."""
    run_ms = None if ended is None else (ended - started) * 1000.0
    return {
        "namespace": op["namespace"], "workflow_id": op["workflow_id"], "run_id": op["run_id"],
        "activity_id": op["activity_id"], "attempt": number, "operation_id": op["operation_id"], "kind": op["kind"],
        "name": op["name"], "status": "ok", "source": "history", "queued": T0 + queued * S, "started": T0 + started * S,
        "ended": None if ended is None else T0 + ended * S, "worker": "worker-1", "estimated": False,
        "agent": op.get("agent"), "model": op.get("model"), "task_queue": op["task_queue"],
        "queue_ms": (started - queued) * 1000.0, "run_ms": run_ms, "useful": more.get("status", "ok") == "ok", **more,
    }  # fmt: skip


def fleet(**spans: list[Row]) -> Selection:
    """Both runs; ``spans`` adds raw spans."""
    model = operation(
        RETRIED, "activity:1", "model", "gpt-5", 0, 10, model="gpt-5", agent="Planner", max_attempts=3, attempts=2,
        activity_type="invoke_model_activity",
    )  # fmt: skip
    tool = operation(
        RETRIED, "activity:2", "tool", "search", 10, 14, agent="Planner", activity_type="search",
        detail="sha256:abcd",
    )  # fmt: skip
    timer = operation(RETRIED, "timer:3", "timer", "sleep", 14, 20)
    pending = operation(OPEN, "activity:1", "tool", "search", 1, None, status="running")
    attempts = [
        attempt(
            model, 1, 0, 1, 3, status="error", error_type="RateLimitError", error_message="429", retry_delay_ms=4000.0,
            retry_by="server", http_status=429,
        ),
        attempt(
            model, 2, 7, 8, 10, backoff_ms=4000.0, tokens_input=100, tokens_output=20, tokens_cached_input=40,
            tokens_reasoning=5, tokens_cache_write=0,
        ),
        attempt(tool, 1, 10, 11, 14),
        attempt(pending, 1, 1, 2, None, status="running"),
    ]  # fmt: skip
    return Selection.of(
        runs=[run(RETRIED), run(OPEN, status="running", closed=None, current_operation="search")],
        operations=[model, tool, timer, pending],
        attempts=attempts,
        **spans,
    )
