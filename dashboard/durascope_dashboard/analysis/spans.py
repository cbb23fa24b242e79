"""What the join takes from raw spans: runs that have no history yet, tools that ran in the workflow, stray tokens.

Spans arrive more than once (export retries, replays); of each id an ended one wins over a begun
one, then the highest ``seq``.
"""

import json
from typing import Any

import numpy as np
import pandas as pd

from durascope import conventions as names
from durascope.records import Kind, RunStatus
from durascope_dashboard.analysis.keys import Codes, Mask, among, floats, number, present, rows_of, take, texts

_OF_WORKFLOW = ["run", "start", "end", "status", "status_message", "trace_id", "parent_span_id", "attributes"]
_SAID_OF_RUNS = {
    "workflow_type": names.WORKFLOW_TYPE, "task_queue": names.TASK_QUEUE, "first_run_id": names.FIRST_RUN_ID,
    "build_id": names.BUILD_ID, "parent_workflow_id": names.PARENT_WORKFLOW_ID, "parent_run_id": names.PARENT_RUN_ID,
    "previous_run_id": names.PREVIOUS_RUN_ID, "conversation_id": names.GEN_AI_CONVERSATION_ID,
    "failure_type": names.ERROR_TYPE,
}  # fmt: skip
_STATUSES = frozenset(RunStatus)
_STATUS = {"ok": RunStatus.COMPLETED, "error": RunStatus.FAILED}
_IN_WORKFLOW = (names.SPAN_TOOL, names.SPAN_MCP)
_SAID_OF_TOOLS = "execute_tool "  # OpenTelemetry's span name for tools begins so; an operation is named by its tool
TRIPPED = "GuardrailTripped"
_KINDS = {names.SPAN_TOOL: Kind.TOOL, names.SPAN_MCP: Kind.MCP, names.SPAN_GUARDRAIL: Kind.GUARDRAIL}


def newest(spans: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Each span once; and the repetitions, of which the begun half of a span (no end yet) is none."""
    ordered = spans.iloc[np.lexsort((floats(spans["seq"]), present(spans["end"])))]
    if ordered["span_id"].is_unique:  # as good as always
        return ordered.reset_index(drop=True), ordered.iloc[:0]
    repeated = ordered.duplicated(["trace_id", "span_id"], keep="last").to_numpy()
    return ordered[~repeated].reset_index(drop=True), ordered[repeated & present(ordered["end"])]


def _attribute(row: dict[str, Any], name: str) -> str | None:
    value = row.get(name)
    return str(value) if value not in (None, "") else None


def _parsed(text: Any) -> dict[str, Any]:
    try:
        value = json.loads(text) if isinstance(text, str) else {}
    except ValueError:  # a foreign span's attributes decide nothing
        return {}
    return value if isinstance(value, dict) else {}


def workflow_runs(spans: pd.DataFrame) -> pd.DataFrame:
    """One row of run facts for each run that has a workflow span; columns as HISTORY_RUNS, keyed by ``run``."""
    chosen = spans.loc[among(spans["kind"], names.SPAN_WORKFLOW), _OF_WORKFLOW].drop_duplicates("run", keep="last")
    said = [_parsed(text) for text in texts(chosen["attributes"])]
    ended = present(chosen["end"]).tolist()
    facts = {name: [_attribute(row, key) for row in said] for name, key in _SAID_OF_RUNS.items()}
    facts["status"] = [
        _status(_attribute(row, names.OUTCOME), status, closed)
        for row, status, closed in zip(said, texts(chosen["status"]), ended, strict=True)
    ]
    return pd.DataFrame(
        {
            "run": chosen["run"], "started": chosen["start"], "closed": chosen["end"],
            "trace_id": chosen["trace_id"], "parent_span_id": chosen["parent_span_id"],
            "failure_message": chosen["status_message"],
        } | {name: pd.array(found, dtype="string") for name, found in facts.items()}
    ).reset_index(drop=True)  # fmt: skip


def _status(outcome: str | None, status: str | None, closed: bool) -> str:
    """A run's, of what its workflow span says."""
    if not closed:
        return str(RunStatus.RUNNING)
    return outcome if outcome in _STATUSES else str(_STATUS.get(status or "", RunStatus.COMPLETED))


def _with_activity_below(spans: pd.DataFrame, parents: "pd.Series[str]") -> Mask:
    """Spans above which an activity hangs, however deep: ``parents`` are span ids that activities name."""
    ids = pd.concat([spans["span_id"], spans["parent_span_id"], parents], ignore_index=True)
    own, above, named = np.split(number(ids), [len(spans), 2 * len(spans)])
    above = np.where(present(spans["parent_span_id"]), rows_of(above, own), -1)
    reached = rows_of(named[present(parents)], own)
    reached = np.concatenate([reached, above[present(spans["activity_id"])]])
    found = np.zeros(len(spans), dtype=bool)
    while True:
        reached = reached[reached >= 0]
        reached = np.unique(reached[~found[reached]])
        if not len(reached):
            return found
        found[reached] = True
        reached = above[reached]


def workflow_tools(spans: pd.DataFrame, activity_parents: "pd.Series[str]") -> pd.DataFrame:
    """What ran inside the workflow itself: guardrails, and tool spans with no activity of their own or below them."""
    chosen = among(spans["kind"], *_IN_WORKFLOW) & ~present(spans["activity_id"])
    chosen &= ~_with_activity_below(spans, activity_parents)
    chosen |= among(spans["kind"], names.SPAN_GUARDRAIL)  # also one that asks a model: the verdict is its own
    tools = spans[chosen]
    tripped = _tripped(tools)
    ended, failed = present(tools["end"]), among(tools["status"], "error") | tripped
    return pd.DataFrame({
        "run": tools["run"].to_numpy(), "namespace": tools["namespace"], "workflow_id": tools["workflow_id"],
        "run_id": tools["run_id"], "operation_id": "span:" + tools["span_id"],
        "kind": tools["kind"].map(_KINDS), "name": tools["name"].str.removeprefix(_SAID_OF_TOOLS),
        "status": np.where(~ended, "running", np.where(failed, "error", "ok")),
        "scheduled": tools["start"], "closed": tools["end"], "agent": tools["agent"],
        "parent_span_id": tools["parent_span_id"], "error_message": tools["status_message"].where(failed),
        "error_type": pd.Series(TRIPPED, index=tools.index, dtype="string").where(tripped), "attempts": 0,
    })  # fmt: skip


def _tripped(spans: pd.DataFrame) -> Mask:
    """Guardrails that said no."""
    said = spans["attributes"].where(among(spans["kind"], names.SPAN_GUARDRAIL))
    return np.fromiter((_parsed(text).get(names.GUARDRAIL_TRIGGERED) is True for text in said), bool, len(spans))


def model_tokens(spans: pd.DataFrame, run: Codes, activity_id: Any, attempt: Any) -> pd.DataFrame:
    """For each attempt asked about, the tokens and model of a model span inside it (nulls: none).

    Stock instrumentations name the activity but not the attempt: their spans count for attempt 1, and the ledger
    shows the attempts after it as unknown rather than guess. Of model spans nested in each other only the innermost
    counts.
    """
    counted = among(spans["kind"], names.SPAN_MODEL) & present(spans["activity_id"]) & present(spans["input_tokens"])
    leaves = spans[counted]
    leaves = leaves[
        ~leaves["span_id"].isin(set(leaves["parent_span_id"].dropna())).to_numpy(dtype=bool, na_value=False)
    ]
    asked = pd.DataFrame({"run": run, "activity_id": activity_id, "attempt": floats(attempt)})
    given = leaves[["run", "activity_id"]].assign(attempt=np.nan_to_num(floats(leaves["attempt"]), nan=1.0))
    both = pd.concat([asked, given], ignore_index=True)
    codes = number(both["run"], both["activity_id"], both["attempt"])
    return take(leaves, rows_of(codes[: len(asked)], codes[len(asked) :]))
