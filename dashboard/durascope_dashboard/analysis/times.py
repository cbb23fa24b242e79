"""When each attempt queued, ran and ended, and the waits between.

    op scheduled   queued n=1    started     ended   (backoff)    queued n=2   started    op closed
        |=============|---queue-----|---run----|.....................|---queue----|---run-----|

Server times are anchors; a worker's clock (the end of a failed attempt) is held between its anchors.
So queue + run + backoff is exactly the elapsed time wherever every attempt was seen.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from durascope_dashboard.analysis.keys import Floats, Mask, among, floats


@dataclass(frozen=True)
class Times:
    """All by attempt row: µs (NaN: unknown). ``gap_start`` .. ``gap_end``: the unseen interval before the attempt,
    of which at most ``gap_backoff`` µs are backoff by policy."""

    queued: Floats
    started: Floats
    ended: Floats
    backoff: Floats
    tail: Floats  # backoff after the last attempt, when its operation was closed instead of retried
    skew_ms: Floats
    estimated: Mask
    never_started: Mask  # closed while it was still queued
    gap_start: Floats
    gap_end: Floats
    gap_backoff: Floats


def policy_delay(operations: pd.DataFrame, attempt: Floats) -> Floats:
    """µs that the retry policy asks for after the attempt; NaN where the policy is not known. By attempt row."""
    initial = floats(operations["initial_interval_ms"]) * 1000
    coefficient = np.nan_to_num(floats(operations["backoff_coefficient"]), nan=2.0)
    limit = floats(operations["max_interval_ms"]) * 1000
    limit = np.where(np.isnan(limit) | (limit <= 0), initial * 100, limit)
    with np.errstate(over="ignore"):
        delay = initial * np.power(coefficient, np.minimum(attempt - 1, 1000))
    return np.asarray(np.round(np.fmin(delay, limit)))


def settle_times(attempts: pd.DataFrame, operations: pd.DataFrame, first: Mask, last: Mask) -> Times:
    """``operations``: that of each attempt row, aligned; ``first``/``last`` of its operation."""
    scheduled, closed = floats(operations["scheduled"]), floats(operations["closed"])
    number = attempts["attempt"].to_numpy(dtype=np.float64)
    queued = np.where((number == 1) & ~np.isnan(scheduled), scheduled, floats(attempts["queued"]))
    started, ended = floats(attempts["started"]), floats(attempts["ended"])
    told = attempts["final_told"].to_numpy() | among(attempts["status"], "ok", "cancelled")
    final = last & told & ~np.isnan(closed)
    # An attempt that the server gave up before the worker did ends later there, by any clock.
    given_up = among(attempts["status"], "timeout", "lost", "cancelled")
    worker_end = np.where(attempts["in_span"] & ~given_up, ended, np.nan)
    ended = np.where(final, closed, ended)
    known_delay = floats(attempts["retry_delay_ms"]) * 1000
    delay = np.where(np.isnan(known_delay), policy_delay(operations, number), known_delay)
    follows = _follows(attempts, first)
    queued = np.where(np.isnan(queued) & follows, _before(ended + known_delay), queued)
    pending = among(attempts["status"], "pending")
    queued = np.where(np.isnan(queued) & pending, floats(attempts["next_retry"]), queued)
    next_queued = np.where(_after(follows, fill=False), _after(queued, fill=np.nan), np.nan)
    derived = np.isnan(ended) & ~np.isnan(started) & ~np.isnan(next_queued)
    ended = np.where(derived, next_queued - delay, ended)
    skew = _skew(attempts, started, worker_end, np.where(final, closed, next_queued - np.nan_to_num(known_delay)))
    ended = np.where(final, ended, np.fmin(ended, next_queued))  # fmin: NaN bounds nothing
    ended = np.where(derived & np.isnan(delay), np.nan, ended)
    group = attempts["op"].to_numpy()
    queued, started, ended = _in_order(group, queued, started, ended, np.where(last, closed, np.nan))
    never_started = final & np.isnan(started) & ~attempts["guessed"].to_numpy()
    unseen = np.isnan(started) & ~pending & ~never_started
    inexact = derived & among(attempts["status"], "error") & np.isnan(known_delay)
    retried = last & among(attempts["status"], "error", "timeout", "lost") & ~np.isnan(closed)
    gap_end = np.where(np.isnan(queued), started, queued)
    known = ~(np.isnan(queued) & np.isnan(started) & np.isnan(ended))
    unseen_before = (number > 1) & (~follows | np.isnan(_before(ended)) | np.isnan(queued))
    return Times(
        queued, started, ended,
        backoff=np.where(follows, queued - _before(ended), np.where(number == 1, 0.0, np.nan)),
        tail=np.where(retried, np.fmax(closed - ended, 0), 0.0),
        skew_ms=skew,
        never_started=never_started,
        estimated=attempts["guessed"].to_numpy() | unseen | inexact,
        gap_start=_latest_before(group, scheduled, queued, started, ended),
        gap_end=gap_end,
        gap_backoff=_unseen_backoff(group, number, delay, known, gap_end, unseen_before),
    )  # fmt: skip


def _follows(attempts: pd.DataFrame, first: Mask) -> Mask:
    """Where the row above is the attempt just before."""
    number = attempts["attempt"].to_numpy()
    return np.asarray(~first & (number == _before(number.astype(np.float64)) + 1))


def _before(values: Floats) -> Floats:
    return np.concatenate([[np.nan], values[:-1]]) if len(values) else values


def _after(values: np.ndarray, *, fill: float | bool) -> np.ndarray:
    return np.concatenate([values[1:], [fill]]) if len(values) else values


def _skew(attempts: pd.DataFrame, started: Floats, worker_end: Floats, server_end: Floats) -> Floats:
    """The least difference, in ms, of the worker's clock to the server's that the attempt's times prove.

    A task takes time to reach its worker, and its result to come back: the worker's start is at or after the server's,
    its end at or before the server's. So start bounds the difference from above and end from below, and only what
    lies on one side of 0 is skew. 0: the clocks may agree; NaN: only one bound is known, and it proves nothing.
    """
    begun = floats(attempts["skew_ms"])
    above = np.where(np.isnan(begun), (worker_end - started) / 1000, begun)
    below = (worker_end - server_end) / 1000
    agree = np.where(np.isnan(above) | np.isnan(below), np.nan, 0.0)
    return np.asarray(np.where(below > 0, below, np.where(above < 0, above, agree)))


def _in_order(group: np.ndarray, queued: Floats, started: Floats, ended: Floats, closed: Floats) -> tuple[Floats, ...]:
    """No time earlier than one before it in its operation, none later than its close; unknown stays unknown."""
    times = np.stack([queued, started, ended], axis=1).ravel()
    ordered = pd.Series(times).groupby(np.repeat(group, 3), sort=False).cummax().to_numpy()
    limit = pd.Series(closed).groupby(group, sort=False).transform("max").to_numpy()
    ordered = np.fmin(ordered, np.repeat(limit, 3))
    return tuple(np.where(np.isnan(times), np.nan, ordered).reshape(-1, 3).T)


def _latest_before(group: np.ndarray, scheduled: Floats, *times: Floats) -> Floats:
    """The latest time known of the operation before each attempt."""
    latest = np.fmax(np.fmax(times[0], times[1]), times[2])
    filled = np.where(np.isnan(latest), -np.inf, latest)
    running = pd.Series(filled).groupby(group, sort=False).cummax().groupby(group, sort=False).shift(1).to_numpy()
    running = np.where(np.isnan(running), -np.inf, running)
    return np.asarray(np.fmax(running, scheduled))


def _unseen_backoff(
    group: np.ndarray, number: Floats, delay: Floats, known: Mask, gap_end: Floats, unseen: Mask
) -> Floats:
    """µs of policy backoff inside the unseen interval that ends with this attempt; 0 where nothing is unseen."""
    skipped = np.where(_after(group, fill=-1) == group, _after(number, fill=0) - number, 1)  # rows left out between
    waits = np.nan_to_num(delay) * skipped
    before = pd.Series(waits).groupby(group, sort=False).cumsum().to_numpy() - waits
    anchor = pd.Series(np.where(known, before, np.nan))
    anchor = anchor.groupby(group, sort=False).ffill().groupby(group, sort=False).shift(1)
    return np.asarray(np.where(unseen & ~np.isnan(gap_end), before - np.nan_to_num(anchor.to_numpy()), 0.0))
