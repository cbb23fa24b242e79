"""The roll-up of one row per run, out of its settled operations and attempts."""

import json
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from durascope.records import Kind
from durascope_dashboard.analysis.attribution import CLASSES
from durascope_dashboard.analysis.keys import (
    Codes,
    Floats,
    Mask,
    among,
    first_known,
    floats,
    present,
    rows_of,
    take,
    texts,
)
from durascope_dashboard.analysis.operations import OPEN
from durascope_dashboard.store.schema import HISTORY_RUNS, TIME_CLASSES

_SPARK = 200  # operations in the sparkline, the newest


def base(keys: pd.DataFrame, history: pd.DataFrame, spanned: pd.DataFrame, span_attempts: pd.DataFrame) -> pd.DataFrame:
    """Run facts: history's, else the workflow span's, else what any attempt says. One row a run number."""
    everything = np.arange(len(keys))
    told = take(history, rows_of(everything, history["run"].to_numpy()))
    spanned = take(spanned, rows_of(everything, spanned["run"].to_numpy(dtype=np.int64)))
    shared = [field.name for field in HISTORY_RUNS if field.name in span_attempts and field.name not in keys]
    attempt = take(span_attempts[shared], rows_of(everything, span_attempts["run"].to_numpy()))
    result = keys.copy()
    for field in HISTORY_RUNS:
        if field.name in keys:
            continue
        sources = [frame[field.name] for frame in (told, spanned, attempt) if field.name in frame]
        # The span's end is no close while history says that the run is open.
        if field.name in ("closed", "status", "failure_type", "failure_message"):
            sources = [told[field.name], spanned[field.name].where(~present(told["status"]))]
        sources = [source.astype(told[field.name].dtype) for source in sources]
        result[field.name] = first_known(*sources)
    result["status"] = result["status"].fillna("running")
    result["first_run_id"] = result["first_run_id"].fillna(result["run_id"])
    result["from_history"] = present(told["status"]) & told["from_history"].fillna(True).to_numpy(dtype=bool)
    result["last_event_id"] = result["last_event_id"].fillna(0)
    return result


def earliest(runs: int, *parts: tuple[Codes, Floats]) -> Floats:
    """The first moment that any evidence names, by run; NaN without one."""
    run = np.concatenate([part[0] for part in parts])
    time = np.concatenate([part[1] for part in parts])
    result = np.full(runs, np.inf)
    np.minimum.at(result, run[~np.isnan(time)], time[~np.isnan(time)])
    return np.where(np.isinf(result), np.nan, result)


def add_times(runs: pd.DataFrame, sums: Codes) -> None:
    """``sums``: µs by class as of :func:`attribution.attribute`."""
    by_name = dict(zip(CLASSES, sums.T, strict=True))
    by_name["tool"] = by_name["tool"] + by_name["workflow_tool"]
    for name in TIME_CLASSES:
        runs[f"time_{name}_ms"] = by_name[name] / 1000
    runs["duration_ms"] = sums.sum(axis=1) / 1000


def add_counts(runs: pd.DataFrame, operations: pd.DataFrame, attempts: pd.DataFrame, hidden: Codes) -> None:
    """Operations, attempts, retries, failures, extremes. ``hidden``: attempts without a row, by operation."""
    size = len(runs)
    of_operation = operations["run"].to_numpy()
    count = np.nan_to_num(floats(operations["attempts"]))
    runs["operations"] = np.bincount(of_operation, minlength=size)
    runs["attempts"] = np.bincount(of_operation, count, size)
    runs["retries"] = np.bincount(of_operation, np.maximum(count - 1, 0), size)
    failed = among(attempts["status"], "error", "timeout", "lost")
    runs["failed_attempts"] = np.bincount(attempts["run"], failed, size) + np.bincount(of_operation, hidden, size)
    most = np.zeros(size)
    np.maximum.at(most, of_operation, count)
    runs["max_attempt"] = most
    grouped = attempts.groupby("run", sort=False)
    everything = np.arange(size)
    queue = attempts["queue_ms"].groupby(attempts["run"]).quantile(0.95)
    runs["queue_p95_ms"] = queue.reindex(everything).to_numpy()
    runs["max_backoff_ms"] = grouped["backoff_ms"].max().reindex(everything).to_numpy()
    skew = floats(attempts["skew_ms"])
    known = np.flatnonzero(~np.isnan(skew))
    worst = known[np.argsort(np.abs(skew[known]), kind="stable")]
    chosen = rows_of(everything, attempts["run"].to_numpy()[worst])
    runs["skew_ms"] = np.where(chosen >= 0, skew[worst][chosen], np.nan) if len(worst) else np.nan


def add_names(runs: pd.DataFrame, operations: pd.DataFrame, attempts: pd.DataFrame) -> None:
    """Agents and models as JSON arrays, the sparkline, the last error."""
    size = len(runs)
    runs["agents"] = _json_lists(operations["run"], operations["agent"], size)
    model = among(operations["kind"], Kind.MODEL)
    runs["models"] = _json_lists(operations["run"][model], operations["model"][model], size)
    unpriced = attempts["unpriced"].to_numpy(dtype=bool)
    runs["unpriced_models"] = _json_lists(
        attempts["run"][unpriced], attempts["model"][unpriced].fillna("unknown"), size
    )
    retried = operations.loc[present(operations["activity_id"]), ["run", "attempts", "scheduled", "event_id"]]
    retried = retried.iloc[np.lexsort((floats(retried["event_id"]), floats(retried["scheduled"])))]
    counts = _gathered(retried["run"], retried["attempts"].astype("int64"))
    runs["spark"] = [_json_numbers(tuple(counts.get(run, ())[-_SPARK:])) for run in range(size)]
    wrong = among(attempts["status"], "error", "timeout", "lost") & present(attempts["error_type"])
    failed = attempts.loc[wrong, ["run", "error_type", "ended", "started"]]
    last = failed.assign(moment=failed["ended"].fillna(failed["started"])).sort_values("moment", kind="stable")
    rows = rows_of(np.arange(size), last["run"].to_numpy())
    runs["last_error_type"] = first_known(take(last, rows)["error_type"], runs["failure_type"])


def _json_lists(run: "pd.Series[int]", name: "pd.Series[str]", size: int) -> list[str]:
    names: dict[int, set[str]] = {}
    for number, found in zip(run.tolist(), texts(name), strict=True):
        if found is not None:
            names.setdefault(number, set()).add(found)
    return [_json_names(frozenset(names.get(run, ()))) for run in range(size)]


@lru_cache(maxsize=4096)
def _json_names(names: frozenset[str]) -> str:
    """Runs of a fleet have the same agents and models over and over."""
    return json.dumps(sorted(names), ensure_ascii=False)


@lru_cache(maxsize=4096)
def _json_numbers(numbers: tuple[int, ...]) -> str:
    return json.dumps(numbers)


def _gathered(run: "pd.Series[int]", value: "pd.Series[Any]") -> dict[int, list[Any]]:
    """The values of each run, in order. A loop over plain lists: pandas' groups cost far more, one by one."""
    result: dict[int, list[Any]] = {}
    for number, found in zip(run.tolist(), value.tolist(), strict=True):
        result.setdefault(number, []).append(found)
    return result


def add_current(runs: pd.DataFrame, operations: pd.DataFrame, attempts: pd.DataFrame, human: Mask, now: int) -> None:
    """What an open run is doing: the operation to look at, and what it waits for. ``human``: by run, a wait is open."""
    everything = np.arange(len(runs))
    is_open = among(runs["status"], "running")
    active = among(operations["status"], *OPEN) & is_open[operations["run"]]
    count = np.nan_to_num(floats(operations["attempts"]))
    rank = np.select([count > 1, present(operations["activity_id"]), ~among(operations["kind"], "timer")], [3, 2, 1], 0)
    candidates = operations[active].assign(rank=rank[active]).sort_values(["rank", "scheduled"], kind="stable")
    chosen = take(candidates, rows_of(everything, candidates["run"].to_numpy()))
    call = among(chosen["kind"], Kind.MODEL) & present(chosen["agent"])  # "invoke_model_activity" tells nobody who
    runs["current_operation"] = chosen["name"].mask(call, chosen["agent"] + "'s model call")
    runs["current_status"] = chosen["status"]
    runs["current_attempt"] = chosen["attempts"].where(present(chosen["activity_id"]))
    runs["current_max_attempts"] = chosen["max_attempts"]
    live = attempts[is_open[attempts["run"]]]
    size = len(runs)
    running = np.bincount(live["run"], among(live["status"], "running"), size) > 0
    pending = among(live["status"], "pending")
    later = floats(live["next_retry"])
    retrying = np.bincount(live["run"], pending & (live["attempt"].to_numpy() > 1) & ~(later <= now), size) > 0
    waiting = np.bincount(live["run"], pending, size) > 0
    timer = np.bincount(operations["run"], active & among(operations["kind"], "timer"), size) > 0
    asks = human | (np.bincount(operations["run"], active & among(operations["kind"], "human_wait"), size) > 0)
    waits = np.select([running, retrying, waiting, asks, timer], ["", "retry", "worker", "human", "timer"], "")
    runs["waiting_for"] = pd.Series(waits, dtype="string").where((waits != "") & is_open)
    next_retry = pd.Series(later).groupby(live["run"].to_numpy()).min()
    runs["next_retry"] = next_retry.reindex(everything).to_numpy()
