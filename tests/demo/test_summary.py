"""The lines that `durascope demo --for` ends with."""

from typing import Any

from durascope_dashboard.demo.summary import summarise


def run(kind: str, status: str, waiting_for: str | None = None) -> dict[str, Any]:
    tokens = {"input": 100, "cached_input": 50, "output": 20, "reasoning": 0}
    return {
        "workflow_type": kind, "status": status, "waiting_for": waiting_for,
        "retries": {"operations": 3, "attempts": 4, "retries": 1, "failed_attempts": 1},
        "tokens": {"billed": tokens, "wasted": tokens | {"input": 10, "output": 1}},
    }  # fmt: skip


def test_runs_are_counted_by_status_by_type_and_by_what_they_wait_for() -> None:
    """Cached input is part of input and is not added again."""
    runs = [run("A", "completed"), run("A", "running", "human"), run("B", "running", "retry"), run("A", "running")]
    assert summarise(runs) == (
        "4 runs: 3 running, 1 completed; of the running ones 1 wait for a person, 1 are between two attempts\n"
        "of them: 3 A, 1 B\n"
        "16 attempts, 4 of them retries\n"
        "480 tokens billed, 44 of them wasted"
    )


def test_no_runs_are_no_error() -> None:
    """A demo that ends before its first run."""
    assert summarise([]).splitlines()[:2] == ["0 runs: none", "of them: none"]
