"""The stretches of time that attribution weighs, gathered from attempts, operations and waits.

An open stretch lasts until its run's end (or now). Where attempts were never seen, the backoff that policy demands is
laid at the end of the gap; the rest of the gap stays unexplained.
"""

import numpy as np
import pandas as pd

from durascope.records import Kind
from durascope_dashboard.analysis.attribution import RANK, Intervals
from durascope_dashboard.analysis.keys import Codes, Floats, among, floats
from durascope_dashboard.analysis.times import Times

_RUN_CLASS = {Kind.MODEL: "model", Kind.TOOL: "tool", Kind.MCP: "tool"}
_OPERATION_CLASS = {
    Kind.HUMAN_WAIT: "external_wait", Kind.CHILD: "external_wait", Kind.NEXUS: "external_wait", Kind.TIMER: "timer",
}  # fmt: skip

_Part = tuple[Codes, Codes, Floats, Floats]


def intervals_of(
    attempts: pd.DataFrame, times: Times, operations: pd.DataFrame, waits: pd.DataFrame, ends: Floats
) -> Intervals:
    """All intervals; ``ends``: by run, its close or now (µs)."""
    parts = [*_of_attempts(attempts, times, ends), *_of_operations(operations, ends), _of_waits(waits, ends)]
    run, rank, start, end = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Intervals(run, rank, start, end)


def _of_attempts(attempts: pd.DataFrame, times: Times, ends: Floats) -> list[_Part]:
    run = attempts["run"].to_numpy()
    run_end = ends[run]
    named = attempts["kind"].map(lambda kind: RANK[_RUN_CLASS.get(kind, "activity")]).to_numpy(dtype=np.int64)
    queue, backoff = np.full(len(run), RANK["queue"]), np.full(len(run), RANK["backoff"])
    running, pending = among(attempts["status"], "running"), among(attempts["status"], "pending")
    ended = np.where(running, run_end, times.ended)
    left_queue = np.where(pending, run_end, np.where(times.never_started, times.ended, times.started))
    unseen_from = np.maximum(times.gap_start, times.gap_end - times.gap_backoff)
    return [
        (run, named, times.started, ended),
        (run, queue, times.queued, left_queue),
        (run, backoff, times.queued - times.backoff, times.queued),
        (run, backoff, times.ended, times.ended + times.tail),
        (run, backoff, unseen_from, times.gap_end),
    ]


def _of_operations(operations: pd.DataFrame, ends: Floats) -> list[_Part]:
    run = operations["run"].to_numpy()
    end = floats(operations["closed"])
    end = np.where(np.isnan(end), ends[run], end)
    start = floats(operations["scheduled"])
    parts: list[_Part] = []
    for kind, name in _OPERATION_CLASS.items():
        chosen = among(operations["kind"], kind)
        parts.append((run[chosen], np.full(chosen.sum(), RANK[name]), start[chosen], end[chosen]))
    inside = operations["operation_id"].str.startswith("span:").to_numpy(dtype=bool)
    parts.append((run[inside], np.full(inside.sum(), RANK["workflow_tool"]), start[inside], end[inside]))
    return parts


def _of_waits(waits: pd.DataFrame, ends: Floats) -> _Part:
    run = waits["run"].to_numpy()
    end = floats(waits["ended"])
    task = among(waits["kind"], "workflow_task")
    rank = np.where(task, RANK["workflow_task"], RANK["external_wait"])
    return run, rank, floats(waits["started"]), np.where(np.isnan(end), ends[run], end)
