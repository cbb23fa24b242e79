"""URLs, in one place: of our own pages (every view is a link that can be sent) and of the tools around."""

import os
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from durascope_dashboard.launch import LINKS

# (path, title, icon); the module of the same name in views/ has `page()`.
PAGES: Final = (
    ("runs", "Runs", ":material/list:"),
    ("run", "Run", ":material/view_timeline:"),
    ("compare", "Compare", ":material/compare_arrows:"),
    ("reliability", "Reliability", ":material/replay:"),
    ("cost", "Tokens and cost", ":material/toll:"),
    ("workers", "Workers", ":material/dns:"),
    ("health", "Health", ":material/monitor_heart:"),
)
_AGENTS_TRACE = re.compile(r"trace_[A-Za-z0-9]{8,64}")


def page(path: str, **params: Any) -> str:
    """A link to a page of ours; parameters that are None or empty are left out."""
    given = {k: v for k, v in params.items() if v not in (None, "", [])}
    return f"/{path}" + (f"?{urlencode(given, doseq=True)}" if given else "")


# What attempts are grouped by -> the parameter of the Runs page that shows the runs with them.
_RUNS_WITH: Final = {
    "name": "activity", "fingerprint": "fingerprint", "task_queue": "queue", "worker": "worker",
    "workflow_type": "workflow", "agent": "agent", "model": "model", "build_id": "build",
}  # fmt: skip


def runs_with(by: str, value: Any) -> str | None:
    """The Runs page with only what has this value, from any page; None where it cannot be filtered by it."""
    parameter = _RUNS_WITH.get(by)
    return f".{page('', **{parameter: value})}" if parameter and isinstance(value, str) else None


def key(row: Mapping[str, Any]) -> dict[str, str]:
    """A run's key as parameters of a link."""
    return {name: str(row[name]) for name in ("workflow_id", "run_id", "namespace") if row.get(name)}


def run(row: Mapping[str, Any], **params: Any) -> str:
    """The Run page of a run's row."""
    namespace = row.get("namespace")
    key = {"workflow_id": row["workflow_id"], "run_id": row["run_id"]}
    if namespace and namespace != "default":
        key["namespace"] = namespace
    return page("run", **key, **params)


def outside(row: Mapping[str, Any], agents_trace: str | None = None) -> list[tuple[str, str]]:
    """(label, URL) of the run in other tools: only of those that are configured or that its data names.

    ``agents_trace``: the Agents SDK's own id of the trace.
    """
    found = []
    if agents_trace and _AGENTS_TRACE.fullmatch(agents_trace):
        found.append(("OpenAI traces", f"https://platform.openai.com/traces/trace?trace_id={agents_trace}"))
    temporal = os.environ.get(LINKS["temporal_ui"])
    if temporal:
        parts = (quote(str(row[k]), safe="") for k in ("namespace", "workflow_id", "run_id"))
        namespace, workflow, run_id = parts
        found.append(
            ("Temporal UI", f"{temporal.rstrip('/')}/namespaces/{namespace}/workflows/{workflow}/{run_id}/history")
        )
    grafana = os.environ.get(LINKS["grafana"])
    if grafana and row.get("trace_id"):
        found.append(("Trace in Grafana", f"{grafana.rstrip('/')}/explore?{_tempo(str(row['trace_id']))}"))
    return found


def _tempo(trace_id: str) -> str:
    query = f'{{"datasource":"tempo","queries":[{{"query":"{trace_id}","queryType":"traceql"}}]}}'
    return urlencode({"left": query})
