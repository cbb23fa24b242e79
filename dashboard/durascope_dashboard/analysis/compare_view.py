"""The JSON of a comparison, as `durascope compare A B --json` prints it."""

from dataclasses import asdict
from typing import Any

from durascope_dashboard.analysis.compare import Aligned, Comparison
from durascope_dashboard.analysis.rows import Row
from durascope_dashboard.analysis.view import run_summary

_SIDE = ("status", "attempts", "agent", "model", "queue_ms", "run_ms", "backoff_ms", "billed_input", "billed_output",
         "cost_billed", "error_type")  # fmt: skip


def comparison_object(comparison: Comparison) -> dict[str, Any]:
    """``a``, ``b`` as `runs --json` lists a run (a median: its numbers only); ``delta`` by name, ``change`` = b - a."""
    divergence = comparison.first_divergence
    return {
        "a": _run(comparison.a), "b": _run(comparison.b),
        "delta": {d.name: {"unit": d.unit, "a": d.a, "b": d.b, "change": d.change, "better": d.better}
                  for d in comparison.deltas},
        "aligned": [_aligned(row) for row in comparison.aligned],
        "first_divergence": None if divergence is None else asdict(divergence),
        "warnings": list(comparison.warnings),
    }  # fmt: skip


def _run(run: Row) -> dict[str, Any]:
    return run_summary(run) if run.get("run_id") else dict(run)


def _aligned(row: Aligned) -> dict[str, Any]:
    return {
        "depth": row.depth, "kind": row.kind, "name": row.name, "ordinal": row.ordinal, "moved": row.moved,
        "differs": row.differs if row.kind != "agent" else None, "a": _side(row.a), "b": _side(row.b),
    }  # fmt: skip


def _side(row: Row | None) -> dict[str, Any] | None:
    return None if row is None else {"id": row.get("operation_id"), **{name: row.get(name) for name in _SIDE}}
