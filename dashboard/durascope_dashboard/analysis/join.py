"""From evidence to the joined tables: one row per run, operation and attempt, whoever told of it.

history_*  (spine) --+
span_attempts        +--> attempts --> operations --> runs
observations         |       (times)     (ledger)     (attribution, coverage)
spans  --------------+
"""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from durascope.records import Micros
from durascope_dashboard.analysis import attempts as attempts_
from durascope_dashboard.analysis import coverage, ledger, operations, spans
from durascope_dashboard.analysis import runs as runs_
from durascope_dashboard.analysis.attribution import attribute
from durascope_dashboard.analysis.believable import believable
from durascope_dashboard.analysis.fingerprint import fingerprint
from durascope_dashboard.analysis.frames import conform, empty_frame
from durascope_dashboard.analysis.intervals import intervals_of
from durascope_dashboard.analysis.keys import Codes, Mask, among, first_known, floats, number_together, present, texts
from durascope_dashboard.analysis.times import Times, settle_times
from durascope_dashboard.store.schema import RUN_KEY


@dataclass(frozen=True)
class Evidence:
    """What each source said, for any number of runs; each frame has exactly the columns of its schema table."""

    spans: pd.DataFrame
    span_attempts: pd.DataFrame
    observations: pd.DataFrame
    history_runs: pd.DataFrame
    history_operations: pd.DataFrame
    history_attempts: pd.DataFrame
    history_waits: pd.DataFrame

    @classmethod
    def empty(cls) -> "Evidence":
        """No evidence of anything."""
        return cls(**{field.name: empty_frame(field.name) for field in fields(cls)})


@dataclass(frozen=True)
class Joined:
    """The joined tables, with exactly the columns of ``schema.RUNS``, ``OPERATIONS`` and ``ATTEMPTS``."""

    runs: pd.DataFrame
    operations: pd.DataFrame
    attempts: pd.DataFrame


@dataclass(frozen=True)
class _Numbered:
    """The evidence with a ``run`` number on every row, and the key of each number."""

    keys: pd.DataFrame
    evidence: Evidence
    repeated: pd.DataFrame  # spans received again


def join(evidence: Evidence, now: Micros) -> Joined:
    """Join all runs that the evidence names. ``now`` (µs) ends what is still open."""
    numbered = _number_runs(evidence)
    if numbered.keys.empty:
        return Joined(*(empty_frame(name) for name in ("runs", "operations", "attempts")))
    told, keys = numbered.evidence, numbered.keys
    runs = runs_.base(keys, told.history_runs, spans.workflow_runs(told.spans), told.span_attempts)
    _fill_start(runs, told, now)
    run_closed = ~among(runs["status"], "running")
    ops = _operations(told)
    attempts, times, hidden = _attempts(ops, told, run_closed)
    ends = np.where(run_closed & present(runs["closed"]), floats(runs["closed"]), now)
    begins = floats(runs["started"])
    found = intervals_of(attempts, times, ops, told.history_waits, ends)
    runs_.add_times(runs, attribute(found, begins, np.maximum(ends, begins)))
    _roll_up(runs, ops, attempts, hidden)
    human = _open_waits(told.history_waits, len(runs))
    runs_.add_current(runs, ops, attempts, human, now)
    _cover(runs, ops, attempts, hidden, numbered, run_closed)
    runs["updated"] = now
    return Joined(conform(runs, "runs"), conform(ops, "operations"), conform(attempts, "attempts"))


def _number_runs(evidence: Evidence) -> _Numbered:
    frames = {field.name: believable(field.name, getattr(evidence, field.name)) for field in fields(evidence)}
    named = frames["spans"]
    frames["spans"] = named[present(named["run_id"]) & ~among(named["run_id"], "")]
    numbers = number_together(list(frames.values()), RUN_KEY)
    frames = {
        name: frame.assign(run=run).reset_index(drop=True)
        for (name, frame), run in zip(frames.items(), numbers, strict=True)
    }
    every = pd.concat([frame[["run", *RUN_KEY]] for frame in frames.values()], ignore_index=True)
    keys = every.drop_duplicates("run").sort_values("run")[list(RUN_KEY)].reset_index(drop=True)
    frames["spans"], repeated = spans.newest(frames["spans"])
    return _Numbered(keys, Evidence(**frames), repeated)


def _fill_start(runs: pd.DataFrame, told: Evidence, now: Micros) -> None:
    """A run whose start nobody told began no later than the first thing known of it."""
    parts = [(told.spans, "start"), (told.span_attempts, "scheduled"), (told.span_attempts, "queued"),
             (told.span_attempts, "started"), (told.history_operations, "scheduled")]  # fmt: skip
    first = runs_.earliest(len(runs), *((frame["run"].to_numpy(), floats(frame[name])) for frame, name in parts))
    started = floats(runs["started"])
    started = np.where(np.isnan(started), first, started)
    runs["started"] = pd.Series(np.where(np.isnan(started), now, started)).astype("Int64")
    traces = told.spans.drop_duplicates("run").set_index("run")["trace_id"].reindex(np.arange(len(runs)))
    runs["trace_id"] = first_known(runs["trace_id"], traces.reset_index(drop=True))


def _operations(told: Evidence) -> pd.DataFrame:
    # A tool that is an activity is one operation; one that starts a child, or calls a service, is two.
    activities = told.history_operations[present(told.history_operations["activity_id"])]
    parents = pd.concat([activities["parent_span_id"], told.span_attempts["parent_span_id"]])
    tools = spans.workflow_tools(told.spans, parents)
    others = [told.history_attempts, told.observations]
    return operations.gather(told.history_operations, told.span_attempts, others, tools, told.spans)


def _attempts(ops: pd.DataFrame, told: Evidence, run_closed: Mask) -> tuple[pd.DataFrame, Times, Codes]:
    """The attempts, their times, and how many attempts of each operation have no row. Completes ``ops``' status."""
    least = operations.least_attempts(ops)
    sources = attempts_.align(ops, told.history_attempts, told.span_attempts, told.observations, least)
    op = sources.op
    first, last = np.diff(op, prepend=-1) != 0, np.diff(op, append=-1) != 0
    last_row = np.full(len(ops), -1)
    last_row[op[last]] = np.flatnonzero(last)
    ops["attempts"] = np.where(last_row >= 0, sources.attempt[last_row], 0) if len(op) else 0
    op_closed = ~among(ops["status"], *operations.OPEN) & ops["known"].to_numpy(dtype=bool)
    of_run = ops["run"].to_numpy()[op]
    implied = (sources.attempt <= least[op]) & ops["known"].to_numpy(dtype=bool)[op]
    result = attempts_.settle(sources, implied, op_closed[op], run_closed[of_run], last)
    _describe(result, ops, op, last)
    _fill_tokens(result, told.spans)
    operations.settle_status(ops, result, last_row, run_closed[ops["run"]])
    aligned = ops.take(op).reset_index(drop=True)
    times = settle_times(result, aligned, first, last)
    _apply(result, times)
    ledger.settle_attempts(result)
    hidden = np.asarray(floats(ops["attempts"]) - np.bincount(op, minlength=len(ops)), dtype=np.int64)
    return result, times, np.maximum(hidden, 0) * (last_row >= 0)


def _describe(attempts: pd.DataFrame, ops: pd.DataFrame, op: Codes, last: Mask) -> None:
    """What an attempt shares with its operation."""
    shared = ops.take(op).reset_index(drop=True)
    for name in ("run", *RUN_KEY, "activity_id", "operation_id", "kind", "name", "agent", "known"):
        attempts[name] = shared[name]
    attempts["task_queue"] = first_known(attempts["task_queue"], shared["task_queue"])
    attempts["model"] = first_known(attempts["model"], shared["model"]).where(among(shared["kind"], "model"))
    attempts["is_last"] = last
    failed = attempts.loc[present(attempts["error_type"]) | present(attempts["error_message"])]
    errors = zip(texts(failed["error_type"]), texts(failed["error_message"]), strict=True)
    prints = [fingerprint(*error) for error in errors]
    attempts["fingerprint"] = pd.Series(prints, dtype="string", index=failed.index).reindex(attempts.index)


def _fill_tokens(attempts: pd.DataFrame, raw: pd.DataFrame) -> None:
    """Model spans inside an attempt (other instrumentations) give the tokens that nobody else told."""
    found = spans.model_tokens(raw, attempts["run"].to_numpy(), attempts["activity_id"], attempts["attempt"])
    missing = ~present(attempts["tokens_input"]) & among(attempts["kind"], "model")
    for kind in ("input", "cached_input", "output", "reasoning", "cache_write"):
        column = f"tokens_{kind}"
        attempts[column] = attempts[column].mask(missing, found[f"{kind}_tokens"])
    attempts["model"] = first_known(attempts["model"], found["model"].where(missing))


def _apply(attempts: pd.DataFrame, times: Times) -> None:
    for name in ("queued", "started", "ended"):
        attempts[name] = pd.Series(getattr(times, name)).astype("Int64")
    end_of_queue = np.where(times.never_started, times.ended, times.started)
    for name, value in (
        ("queue_ms", end_of_queue - times.queued),
        ("run_ms", times.ended - times.started),
        ("backoff_ms", times.backoff),
    ):
        attempts[name] = np.maximum(value, 0) / 1000
    attempts["skew_ms"] = times.skew_ms
    attempts["estimated"] = times.estimated
    attempts["never_started"] = times.never_started
    unseen = np.clip(times.gap_backoff, 0, np.maximum(np.nan_to_num(times.gap_end - times.gap_start), 0))
    attempts["op_backoff_ms"] = np.where(np.isnan(times.backoff), unseen, times.backoff) / 1000 + times.tail / 1000


def _roll_up(runs: pd.DataFrame, ops: pd.DataFrame, attempts: pd.DataFrame, hidden: Codes) -> None:
    op = attempts["op"].to_numpy()
    for name, source in (("queue_ms", "queue_ms"), ("run_ms", "run_ms"), ("backoff_ms", "op_backoff_ms")):
        ops[name] = attempts[source].groupby(op).sum(min_count=1).reindex(np.arange(len(ops))).to_numpy()
    for frame, group in ((ops, op), (runs, attempts["run"].to_numpy())):
        sums = ledger.roll_up(attempts, group, len(frame))
        for column in sums.columns:  # all together pandas takes far longer
            frame[column] = sums[column]
    unseen = hidden * among(ops["kind"], "model")
    ops["unknown_attempts"] += unseen
    runs["unknown_attempts"] += np.bincount(ops["run"], unseen, len(runs))
    runs_.add_counts(runs, ops, attempts, hidden)
    runs_.add_names(runs, ops, attempts)


def _cover(
    runs: pd.DataFrame, ops: pd.DataFrame, attempts: pd.DataFrame, hidden: Codes, numbered: _Numbered, closed: Mask
) -> None:
    unseen = np.asarray(np.bincount(ops["run"], hidden * ops["known"].to_numpy(dtype=bool), len(runs)), dtype=np.int64)
    counts = coverage.count_attempts(attempts, unseen, len(runs))
    runs[counts.columns] = counts
    complete = closed & runs["from_history"].to_numpy(dtype=bool)
    runs["orphan_spans"] = coverage.orphan_spans(numbered.evidence.spans, attempts, ops, runs, complete)
    runs["duplicate_spans"] = coverage.duplicates(numbered.repeated, len(runs))


def _open_waits(waits: pd.DataFrame, runs: int) -> Mask:
    is_open = among(waits["kind"], "external_wait") & ~present(waits["ended"])
    return np.bincount(waits["run"], is_open, runs) > 0
