"""A store with a few known runs, as the command line meets it."""

from pathlib import Path
from typing import Any

from durascope_dashboard.store.duckdb_store import DuckStore
from tests.analysis.facts import joined, operation, run, told
from tests.store.rows import put_joined

TOKENS: dict[str, Any] = {"tokens_input": 100, "tokens_cached_input": 20, "tokens_output": 10, "tokens_reasoning": 5,
                          "tokens_cache_write": 0}  # fmt: skip


def fill(path: Path) -> None:
    """Two runs: `good` without trouble and `bad`, whose model call was refused once by the provider."""
    good: dict[str, Any] = {"workflow_id": "good", "run_id": "g"}
    bad: dict[str, Any] = {"workflow_id": "bad", "run_id": "b"}
    model: dict[str, Any] = {"kind": "model", "name": "invoke_model_activity", "model": "gpt-5", "agent": "planner"}
    result = joined(
        history_runs=[run(closed=10, **good), run(closed=40, **bad, started=1.0)],
        history_operations=[
            operation(closed=9, **model, **good),
            operation(closed=39, scheduled=1.0, attempts=2, **model, **bad),
        ],
        history_attempts=[
            told(1, started=1, ended=9, **TOKENS, **good),
            told(2, started=33, ended=39, **TOKENS, **bad),
        ],
        span_attempts=[
            told(1, queued=0, started=1, ended=9, **TOKENS, **good),
            told(1, "error", queued=1, started=2, ended=3, error_type="RateLimitError", error_message="429 [slow] down",
                 retry_delay_ms=20_000.0, retry_by="server", http_status=429, **bad),
            told(2, queued=23, started=33, ended=39, **TOKENS, **bad),
        ],
    )  # fmt: skip
    store = DuckStore(path)
    try:
        put_joined(store, result)
    finally:
        store.close()
