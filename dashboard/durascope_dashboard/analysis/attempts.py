"""One row per attempt out of what history, the worker's spans and Describe each say of it.

The status rules, first match wins (H history, S span, B begun-only span, O Describe; "superseded": a later attempt
exists; "over": superseded, or its operation or run has closed):

    H tells ok | error | cancelled, or a timeout that no B contradicts     -> H
    B, and over                                                            -> lost     (a start, no end)
    B                                                                      -> running
    S ok, and superseded                                                   -> timeout  (the server did not take it)
    S gone from the server, and H tells a timeout                          -> timeout
    S                                                                      -> S
    O error | timeout | cancelled                                          -> O
    superseded                                                             -> error    (else no later attempt)
    operation or run closed                                                -> lost if it was running, else cancelled
    O running | pending, else pending
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from durascope.conventions import ERROR_TYPE_GONE
from durascope_dashboard.analysis.keys import (
    Codes,
    Mask,
    among,
    first_known,
    floats,
    number_together,
    present,
    rows_of,
    take,
    true,
)

_IMPLIED_ROWS = 1000
"""Attempts that nobody saw get a row only up to this number: an endless retry has millions."""
_SHIFT = 1 << 31
_TOKENS = ("tokens_input", "tokens_cached_input", "tokens_output", "tokens_reasoning", "tokens_cache_write")
_FACTS = (
    "error_type", "error_message", "retry_delay_ms", "retry_by", "worker", "task_queue", "build_id",
    "model", "response_id", "http_status", "http_retries",
)  # fmt: skip


@dataclass(frozen=True)
class Sources:
    """The three sources, aligned: row i of each is what it says of attempt i (nulls: nothing)."""

    history: pd.DataFrame
    span: pd.DataFrame
    seen: pd.DataFrame  # Describe
    op: Codes  # row in the operations frame
    attempt: Codes


def align(
    operations: pd.DataFrame, history: pd.DataFrame, span: pd.DataFrame, seen: pd.DataFrame, attempts: Codes
) -> Sources:
    """Every attempt that a source tells of or implies, ordered by operation and number.

    ``attempts`` says how many each operation has at least; all frames carry ``run`` and ``activity_id``.
    """
    frames = [operations, history, span, seen]
    codes = number_together(frames, ["run", "activity_id"])
    known = np.flatnonzero(present(operations["activity_id"]))
    op_of = rows_of(np.concatenate(codes[1:]), codes[0][known])
    ops = np.split(known[op_of], np.cumsum([len(history), len(span)]))
    keys = [op * _SHIFT + floats(frame["attempt"]).astype(np.int64) for op, frame in zip(ops, frames[1:], strict=True)]
    implied = np.minimum(attempts, _IMPLIED_ROWS)
    first = np.repeat(np.cumsum(implied) - implied, implied)
    keys.append(np.repeat(np.arange(len(attempts)), implied) * _SHIFT + np.arange(len(first)) - first + 1)
    every = np.unique(np.concatenate(keys))
    told, worker, described = (
        take(frame, rows_of(np.arange(len(every)), np.searchsorted(every, key)))
        for frame, key in zip(frames[1:], keys, strict=False)
    )
    return Sources(told, worker, described, op=every // _SHIFT, attempt=every % _SHIFT)


def settle(sources: Sources, implied: Mask, op_closed: Mask, run_closed: Mask, last: Mask) -> pd.DataFrame:
    """One frame of attempts: status, source and the facts of whoever knows them best; times as told.

    ``implied``: history counts it, though it may not tell of it; ``op_closed``, ``run_closed``: history says so;
    ``last``: no later attempt is known. All by row.
    """
    history, span, seen = sources.history, sources.span, sources.seen
    in_history = present(history["attempt"]) | present(seen["attempt"]) | implied
    in_span = present(span["attempt"])
    result = pd.DataFrame({"op": sources.op, "attempt": sources.attempt})
    result["status"] = _status(sources, op_closed, run_closed, last)
    result["source"] = np.where(in_span, np.where(in_history, "both", "span"), "history")
    for column in _FACTS:
        result[column] = first_known(span[column], history[column], seen[column])
    _errors(result, history)
    for column in ("queued", "started"):
        result[column] = first_known(history[column], span[column], seen[column])
    result["ended"] = first_known(span["ended"], history["ended"], seen["ended"])
    told = present(history["tokens_input"])
    for column in _TOKENS:
        result[column] = history[column].where(told, span[column])
    result["skew_ms"] = first_known(span["skew_ms"], history["skew_ms"])
    result["guessed"] = true(history["estimated"]) & ~in_span & ~present(seen["started"])
    result["in_history"], result["in_span"] = in_history | ~in_span, in_span
    result["final_told"] = present(history["attempt"])
    pending = among(result["status"], "pending", "running")
    for column in ("next_retry", "last_heartbeat", "paused"):
        result[column] = seen[column].where(pending)
    return result


def _status(sources: Sources, op_closed: Mask, run_closed: Mask, last: Mask) -> Any:
    history, span, seen = sources.history, sources.span, sources.seen
    closed = op_closed | run_closed
    begun = true(span["begun_only"])
    in_span = present(span["status"]) & ~begun
    firm = ~true(history["estimated"]) | ~(in_span | begun)
    told = among(history["status"], "ok", "error", "cancelled") & firm
    told |= among(history["status"], "timeout", "lost") & firm & ~begun
    # A failure that somebody reported is an end, though not this worker's: the attempt was completed elsewhere.
    told |= among(history["status"], "error") & present(history["error_type"]) & begun
    was_running = among(seen["status"], "running") | among(history["status"], "running")
    status: Any = pd.Series("pending", index=history.index, dtype="string")
    # Last rule first: each line overrules those above it.
    status = status.mask(was_running, "running")
    status = status.mask(closed, np.where(was_running, "lost", "cancelled"))
    status = status.mask(~last, "error")
    status = status.mask(among(seen["status"], "error", "timeout", "cancelled"), seen["status"])
    status = status.mask(in_span, span["status"])
    status = status.mask(in_span & among(span["status"], "ok") & ~last, "timeout")
    gone = in_span & among(span["error_type"], ERROR_TYPE_GONE)
    status = status.mask(gone & among(history["status"], "timeout"), "timeout")
    status = status.mask(begun, np.where(~last | closed, "lost", "running"))
    return status.mask(told, history["status"])


def _errors(result: pd.DataFrame, history: pd.DataFrame) -> None:
    """Where history overrules the worker (a timeout after an ok), the error is history's; an ok has none."""
    ruled = among(history["status"], "timeout") & among(result["status"], "timeout") & present(history["error_type"])
    fine = among(result["status"], "ok")
    for column in ("error_type", "error_message"):
        result[column] = result[column].mask(ruled, history[column]).mask(fine)
