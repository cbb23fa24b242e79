"""Reasons to read a comparison of two runs with care; none of them forbids it."""

import json
from collections.abc import Iterator
from typing import Any

from durascope_dashboard.analysis.rows import Row


def warnings_of(a: Row, b: Row) -> tuple[str, ...]:
    """One sentence for each reason, A and B being rows of ``runs``."""
    return (*_same_work(a, b), *_same_end(a, b), *_same_evidence(a, b))


def _same_work(a: Row, b: Row) -> Iterator[str]:
    names = {
        "workflow_type": "workflow types",
        "task_queue": "task queues",
        "build_id": "builds",
        "namespace": "namespaces",
    }
    for column, name in names.items():
        if a.get(column) != b.get(column):
            yield f"different {name}: A {a.get(column) or 'unknown'}, B {b.get(column) or 'unknown'}"
    left, right = (", ".join(_names(row.get("models"))) for row in (a, b))
    if left != right:
        yield f"different models: A {left or 'none'}, B {right or 'none'}"


def _same_end(a: Row, b: Row) -> Iterator[str]:
    for side, row in (("A", a), ("B", b)):
        if row.get("status") == "running":
            yield f"{side} is still running: its numbers are of the time so far"
        elif row.get("status") == "continued_as_new":
            yield f"{side} continued as new: only its first part is compared, not the whole chain"
    ends = {str(row.get("status")) for row in (a, b)} - {"running", "continued_as_new"}
    if len(ends) == 2:
        yield f"different outcomes: A {a.get('status')}, B {b.get('status')}"


def _same_evidence(a: Row, b: Row) -> Iterator[str]:
    for side, row in (("A", a), ("B", b)):
        missing, expected = row.get("reconstructed") or 0, row.get("history_attempts") or 0
        if missing:
            yield (f"{side}: {missing} of {expected} attempts left no telemetry: their times are estimates and their "
                   "tokens may be unknown")  # fmt: skip
        if row.get("unknown_attempts"):
            yield f"{side}: attempts with unknown tokens: {row['unknown_attempts']}; tokens and cost are lower bounds"
        if not row.get("from_history", True):
            yield f"{side} is known from telemetry only: its history has not been read"
        if _names(row.get("unpriced_models")):
            yield f"{side}: no price for {', '.join(_names(row['unpriced_models']))}: cost leaves them out"
        if abs(row.get("skew_ms") or 0) > 1000:
            yield f"{side}: a worker's clock was off by {row['skew_ms'] / 1000:.1f} s: short waits may be wrong"


def _names(text: Any) -> list[str]:
    return [str(name) for name in json.loads(text)] if isinstance(text, str) and text else []
