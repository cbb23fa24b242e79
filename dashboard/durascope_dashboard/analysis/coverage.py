"""What the telemetry is worth: attempts that history expects, that spans saw, that were reconstructed; stray spans.

Orphans are judged in closed runs only (a parent may still be on its way): an attempt span that no attempt of the
closed history answers to, or a span whose parent was neither received nor follows from the run's keys.
"""

import numpy as np
import pandas as pd

from durascope import conventions as names
from durascope.identity import (
    AttemptKey,
    RunKey,
    attempt_span_id,
    format_span_id,
    operation_span_id,
    run_span_id,
)
from durascope_dashboard.analysis.keys import Codes, Mask, among, number, present

# Their parents are in the caller's program, which need not report to this store.
_ENTRY_KINDS = (names.SPAN_WORKFLOW, names.SPAN_CLIENT, names.SPAN_SIGNAL, names.SPAN_UPDATE, names.SPAN_QUERY)


def count_attempts(attempts: pd.DataFrame, hidden: Codes, runs: int) -> pd.DataFrame:
    """By run: history_attempts, span_attempts, reconstructed. ``hidden``: by run, implied attempts without a row."""
    run = attempts["run"].to_numpy()
    begun = ~among(attempts["status"], "pending") & ~attempts["never_started"].to_numpy(dtype=bool)
    in_history = attempts["in_history"].to_numpy(dtype=bool) & attempts["known"].to_numpy(dtype=bool) & begun
    in_span = attempts["in_span"].to_numpy(dtype=bool)
    return pd.DataFrame({
        "history_attempts": np.bincount(run, in_history, runs) + hidden,
        "span_attempts": np.bincount(run, in_span, runs),
        "reconstructed": np.bincount(run, in_history & ~in_span, runs) + hidden,
    })  # fmt: skip


def orphan_spans(
    spans: pd.DataFrame, attempts: pd.DataFrame, operations: pd.DataFrame, runs: pd.DataFrame, closed: Mask
) -> Codes:
    """How many orphans each run has. ``closed``: by run, history is there and complete."""
    strays = attempts[~attempts["in_history"].to_numpy(dtype=bool) | ~attempts["known"].to_numpy(dtype=bool)]
    stray_attempts = np.bincount(strays["run"], closed[strays["run"]].astype(float), len(closed))
    judged = spans[closed[spans["run"]] & present(spans["parent_span_id"]) & ~among(spans["kind"], *_ENTRY_KINDS)]
    lost = judged[_absent(judged, "parent_span_id", spans, "span_id")]
    lost = lost[_absent(lost, "parent_span_id", runs.assign(run=np.arange(len(runs))), "parent_span_id")]
    if lost.empty:  # as it should be
        return np.asarray(stray_attempts, dtype=np.int64)
    suspects = set(lost["run"])
    derivable = _derivable(suspects, attempts, operations, runs) if suspects else set()
    parents = zip(lost["run"], lost["parent_span_id"], strict=True)
    lost = lost[np.array([pair not in derivable for pair in parents], dtype=bool)]
    # A stray attempt's own span is already counted.
    known_stray = set(zip(strays["run"], strays["activity_id"], strays["attempt"], strict=True))
    keys = zip(lost["run"], lost["activity_id"], lost["attempt"], strict=True)
    again = np.array([key in known_stray for key in keys], dtype=bool)
    lost_runs = lost["run"].to_numpy()[~again] if len(lost) else np.array([], dtype=np.int64)
    return np.asarray(stray_attempts + np.bincount(lost_runs, minlength=len(closed)), dtype=np.int64)


def _absent(wanted: pd.DataFrame, column: str, known: pd.DataFrame, among_: str) -> Mask:
    """Rows of ``wanted`` whose id no row of ``known`` of the same run has; other runs change nothing."""
    if wanted.empty:
        return np.zeros(0, dtype=bool)
    runs = pd.concat([wanted["run"], known["run"]], ignore_index=True)
    codes = number(runs, pd.concat([wanted[column], known[among_]], ignore_index=True))
    return np.asarray(~np.isin(codes[: len(wanted)], codes[len(wanted) :]))


def _derivable(
    suspects: set[int], attempts: pd.DataFrame, operations: pd.DataFrame, runs: pd.DataFrame
) -> set[tuple[int, str]]:
    """(run, span id) that follow from the keys of these runs, their operations and attempts."""
    key_of = {
        run: RunKey(*key)
        for run, key in enumerate(zip(runs["namespace"], runs["workflow_id"], runs["run_id"], strict=True))
        if run in suspects
    }
    found = {(run, run_span_id(key)) for run, key in key_of.items()}
    for run, operation in zip(operations["run"], operations["operation_id"], strict=True):
        if run in key_of:
            found.add((run, operation_span_id(key_of[run], operation)))
    for run, activity, attempt in zip(attempts["run"], attempts["activity_id"], attempts["attempt"], strict=True):
        if run in key_of:
            found.add((run, attempt_span_id(AttemptKey(*key_of[run], activity, int(attempt)))))
    return {(run, format_span_id(span)) for run, span in found}


def duplicates(repeated: pd.DataFrame, runs: int) -> Codes:
    """By run, spans received again."""
    return np.bincount(repeated["run"].to_numpy(dtype=np.int64), minlength=runs)
