"""Where did the time go: each moment of a run is given to one class, the highest that is active.

    model > tool > activity > queue > backoff > external_wait > timer > workflow_task > unexplained

A sweep line over the bounds of all intervals of all runs at once. The classes sum exactly to the duration: the
arithmetic is in whole microseconds, and what no interval covers is unexplained.
"""

from dataclasses import dataclass

import numpy as np

from durascope_dashboard.analysis.keys import Codes, Floats

# Tools that ran in the workflow itself rank below the waits: while they wait, they do not run.
CLASSES = (
    "model", "tool", "activity", "queue", "backoff", "external_wait", "timer", "workflow_tool", "workflow_task",
    "unexplained",
)  # fmt: skip
RANK = {name: rank for rank, name in enumerate(CLASSES)}


@dataclass(frozen=True)
class Intervals:
    """Stretches of time: run number, rank of the class, bounds in µs. Overlaps are fine."""

    run: Codes
    rank: Codes
    start: Floats
    end: Floats


def attribute(intervals: Intervals, started: Floats, ended: Floats) -> Codes:
    """µs of each class (columns, in rank order) of each run (rows); every row sums to ``ended - started``.

    ``started``, ``ended``: µs by run number, not NaN. Intervals are cut to their run; those with a NaN bound are none.
    """
    runs = len(started)
    low = np.maximum(intervals.start, started[intervals.run])
    high = np.minimum(intervals.end, ended[intervals.run])
    kept = high > low  # False for NaN
    everything = np.arange(runs)
    run = np.concatenate([intervals.run[kept], everything])
    rank = np.concatenate([intervals.rank[kept], np.full(runs, RANK["unexplained"])])
    time = np.concatenate([low[kept], started, high[kept], np.maximum(ended, started)]).astype(np.int64)
    run2, rank2 = np.tile(run, 2), np.tile(rank, 2)
    order = np.lexsort((time, run2))
    run2, time = run2[order], time[order]
    step = np.repeat([1, -1], len(run))[order]
    best = np.full(len(order), len(CLASSES))
    for index in range(len(CLASSES) - 1, -1, -1):
        active = np.cumsum(np.where(rank2[order] == index, step, 0)) > 0
        best = np.where(active, index, best)
    length = np.diff(time, append=time[-1:])
    length[np.diff(run2, append=run2[-1:]) != 0] = 0
    counted = length > 0
    sums = np.zeros((runs, len(CLASSES) + 1), dtype=np.int64)
    np.add.at(sums, (run2[counted], best[counted]), length[counted])
    return sums[:, : len(CLASSES)]
