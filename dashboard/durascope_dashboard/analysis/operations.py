"""The operations of all runs: history's, then those that only spans know of.

An activity that a span tells of before history does is a row too, so that a run can be read while history lags.
"""

import numpy as np
import pandas as pd

from durascope import conventions as names
from durascope.records import Kind
from durascope_dashboard.analysis.frames import conform_columns
from durascope_dashboard.analysis.keys import Codes, Mask, among, first_known, floats, number, present, rows_of, take
from durascope_dashboard.store.schema import HISTORY_OPERATIONS

_MODEL_ACTIVITIES = ("invoke_model_activity", "invoke_model_activity_streaming")
_SAID_OF_ACTIVITIES = ["agent", "model", "max_attempts", "parent_span_id", "operation_kind", "attempt"]
OPEN = ("running", "pending")


def gather(
    history: pd.DataFrame, span: pd.DataFrame, others: list[pd.DataFrame], tools: pd.DataFrame, spans: pd.DataFrame
) -> pd.DataFrame:
    """All operations, columns of HISTORY_OPERATIONS plus ``run``, ``known`` (to history) and ``source``.

    ``span``: span_attempts; ``others``: frames that may name activities nobody else does; ``tools``: in-workflow ones.
    """
    named = [frame[["run", "namespace", "workflow_id", "run_id", "activity_id"]] for frame in others if len(frame)]
    told = pd.concat([span, *named]) if named else span
    told = told[present(told["activity_id"])].reset_index(drop=True)
    both = pd.concat([history[["run", "activity_id"]], told[["run", "activity_id"]]], ignore_index=True)
    codes = number(both["run"], both["activity_id"])
    own, theirs = codes[: len(history)], codes[len(history) :]
    activity = present(history["activity_id"])
    first = _unique(told[~np.isin(theirs, own[activity])])
    parts = [
        conform_columns(history, HISTORY_OPERATIONS),
        _from_spans(first),
        conform_columns(tools, HISTORY_OPERATIONS),
    ]
    runs = [history["run"], first["run"], tools["run"]]
    result = pd.concat(parts, ignore_index=True)
    result["run"] = np.concatenate([np.asarray(run, dtype=np.int64) for run in runs])
    result["known"] = np.arange(len(result)) < len(history)
    _enrich(result, span, spans)
    return result


def _unique(told: pd.DataFrame) -> pd.DataFrame:
    return told[~told.duplicated(["run", "activity_id"]).to_numpy()].reset_index(drop=True)


def _from_spans(first: pd.DataFrame) -> pd.DataFrame:
    """``first``: what tells first of each activity."""
    model = among(first["activity_type"], *_MODEL_ACTIVITIES)
    local = first["is_local"].to_numpy(dtype=bool, na_value=False)
    kind = np.where(model, Kind.MODEL, np.where(local, Kind.LOCAL_ACTIVITY, Kind.ACTIVITY))
    facts = first.drop(columns=["closed", "error_type", "error_message"], errors="ignore").assign(
        operation_id="activity:" + first["activity_id"],
        kind=first_known(first["operation_kind"], pd.Series(kind, dtype="string")),
        name=first["activity_type"].fillna("activity"),
        status="running", attempts=0,
        scheduled=first_known(first["scheduled"], first["queued"], first["started"]),
    )  # fmt: skip
    return conform_columns(facts, HISTORY_OPERATIONS)


def _enrich(operations: pd.DataFrame, span: pd.DataFrame, spans: pd.DataFrame) -> None:
    """What the worker knows better: agent, whether an activity is a tool, the span that scheduled it."""
    both = pd.concat([operations[["run", "activity_id"]], span[["run", "activity_id"]]], ignore_index=True)
    codes = number(both["run"], both["activity_id"])
    rows = rows_of(codes[: len(operations)], codes[len(operations) :])
    rows[~present(operations["activity_id"])] = -1
    said = take(span[_SAID_OF_ACTIVITIES], rows)
    operations["agent"] = first_known(said["agent"], operations["agent"])
    operations["model"] = first_known(said["model"], operations["model"])
    operations["max_attempts"] = first_known(operations["max_attempts"], said["max_attempts"])
    operations["parent_span_id"] = first_known(operations["parent_span_id"], said["parent_span_id"])
    parent = take(spans[["agent", "kind"]], _rows_by_text(operations["parent_span_id"], spans["span_id"]))
    operations["agent"] = first_known(operations["agent"], parent["agent"])
    plain = among(operations["kind"], Kind.ACTIVITY)
    tool = among(parent["kind"], names.SPAN_TOOL) & ~present(said["operation_kind"])
    kind = first_known(said["operation_kind"], operations["kind"]).mask(tool, Kind.TOOL)
    operations["kind"] = operations["kind"].mask(plain, kind)
    in_span = present(said["attempt"]) | operations["operation_id"].str.startswith("span:").to_numpy(dtype=bool)
    operations["source"] = np.where(in_span, np.where(operations["known"], "both", "span"), "history")


def _rows_by_text(wanted: "pd.Series[str]", present_in: "pd.Series[str]") -> Codes:
    codes = number(pd.concat([wanted, present_in], ignore_index=True))
    rows = rows_of(codes[: len(wanted)], codes[len(wanted) :])
    rows[~present(wanted)] = -1
    return rows


def least_attempts(operations: pd.DataFrame) -> Codes:
    """How many attempts each operation has at least, from itself alone: an open activity has one, if only pending."""
    told = np.nan_to_num(floats(operations["attempts"])).astype(np.int64)
    waiting = present(operations["activity_id"]) & among(operations["status"], *OPEN)
    return np.asarray(np.where(waiting, np.maximum(told, 1), told))


def settle_status(operations: pd.DataFrame, attempts: pd.DataFrame, last_row: Codes, run_closed: Mask) -> None:
    """Open operations take the state of their last attempt; in a closed run they were cut off.

    ``last_row``: the attempts row that is the operation's last, or -1.
    """
    open_ = among(operations["status"], *OPEN)
    last = take(attempts[["status", "ended", "error_type", "error_message"]], last_row)
    limit, number_ = floats(operations["max_attempts"]), floats(operations["attempts"])
    gave_up = among(last["status"], "error", "timeout", "lost") & (run_closed | (number_ >= limit))
    ended = among(last["status"], "ok", "cancelled") | gave_up
    live = last["status"].where(~among(last["status"], "error", "timeout", "lost") | gave_up, "pending")
    live = live.fillna("cancelled").where(run_closed | present(live), operations["status"])
    idle = run_closed & among(live, *OPEN)
    operations["status"] = operations["status"].mask(open_, live.mask(idle, "cancelled"))
    operations["closed"] = operations["closed"].mask(open_ & ended, last["ended"])
    failed = among(operations["status"], "error", "timeout", "lost")
    for column in ("error_type", "error_message"):
        operations[column] = first_known(operations[column], last[column].where(failed))
