"""What all dashboards have in common: uid, period, variables, rows of panels, marks of deployments."""

from collections.abc import Mapping, Sequence
from typing import Any

from grafana_foundation_sdk.builders import dashboard as build

from grafana.builder.annotations import deployments
from grafana.builder.links import TAG, dashboards
from grafana.builder.panels import Panel

Rows = Mapping[str, Sequence[Panel]]


def board(uid: str, title: str, says: str, variables: Sequence[Any], rows: Rows) -> build.Dashboard:
    """A dashboard; the uid never changes, because links and alerts name it."""
    found = build.Dashboard(f"Durascope / {title}").uid(f"durascope-{uid}").tags([TAG]).readonly()
    found.description(says).time("now-6h", "now").refresh("30s").timezone("browser").link(dashboards())
    for variable in variables:
        found.with_variable(variable)
    found.annotation(deployments())
    for name, panels in rows.items():
        found.with_row(build.Row(name))
        for panel in panels:
            found.with_panel(panel)
    return found
