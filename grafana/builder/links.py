"""Links: from each panel to the same question in Durascope, to Temporal's UI, and between the dashboards."""

from urllib.parse import quote

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

TAG = "durascope"
TYPE = "${workflow_type:percentencode}"
WORKFLOWS = "${temporal_ui}/namespaces/${namespace:percentencode}/workflows"


def link(title: str, url: str) -> build.DashboardLink:
    """Opens in a new tab."""
    return build.DashboardLink(title).url(url).type(model.DashboardLinkType.LINK).target_blank(True)


def durascope(page: str, query: str = "") -> build.DashboardLink:
    """A page of Durascope."""
    return link("Durascope", "${durascope}/" + page + (f"?{query}" if query else ""))


def fleet(trouble: str = "", status: str = "") -> list[build.DashboardLink]:
    """The runs of all types; ``trouble`` is a view of Durascope's Runs page. Temporal's UI shows one namespace only."""
    wanted = [f"trouble={quote(trouble)}"] if trouble else []
    wanted += [f"status={status}"] if status else []
    return [durascope("runs", "&".join(wanted)), link("Temporal UI", "${temporal_ui}/namespaces")]


def one_type(trouble: str = "") -> list[build.DashboardLink]:
    """The runs of the chosen workflow type, in both."""
    wanted = [f"type={TYPE}", *([f"trouble={quote(trouble)}"] if trouble else [])]
    query = f"{quote('WorkflowType=')}%27{TYPE}%27"
    return [durascope("runs", "&".join(wanted)), link("Temporal UI", f"{WORKFLOWS}?query={query}")]


def run() -> list[build.DashboardLink]:
    """The run of the Run dashboard, in both."""
    names = ("workflow_id", "run_id", "namespace")
    query = "&".join(f"{name}=${{{name}:percentencode}}" for name in names)
    return [durascope("run", query), link("Temporal UI", WORKFLOWS + "/${workflow_id:percentencode}")]


def queue() -> list[build.DashboardLink]:
    """Runs that wait for a worker, and Temporal's page of a task queue's pollers."""
    pollers = "${temporal_ui}/namespaces/${namespace:percentencode}/task-queues/${task_queue:percentencode}"
    return [durascope("runs", "trouble=Queue-starved"), link("Temporal UI", pollers)]


TO_TYPE = "/d/durascope-type?var-workflow_type=${__value.raw:percentencode}&${__url_time_range}"
"""From a cell of a table to its workflow type's dashboard."""


def dashboards() -> build.DashboardLink:
    """The other dashboards, with the period and what was chosen."""
    found = build.DashboardLink("Durascope dashboards").type(model.DashboardLinkType.DASHBOARDS).tags([TAG])
    return found.include_vars(True).keep_time(True).as_dropdown(False)
