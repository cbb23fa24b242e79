"""What can be chosen on top of a dashboard. Names are the same on all, so that links carry the choice along."""

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

from grafana.builder.queries import PROMETHEUS

DURASCOPE_URL = "http://127.0.0.1:8501"
TEMPORAL_UI_URL = "http://127.0.0.1:8233"


def sources(*, tempo: bool = True) -> list[build.DatasourceVariable]:
    """Which Prometheus and which Tempo: a dashboard names no data source of its own."""
    found = [build.DatasourceVariable("prometheus").label("Prometheus").type("prometheus")]
    if tempo:
        found.append(build.DatasourceVariable("tempo").label("Tempo").type("tempo"))
    return found


def addresses() -> list[build.TextBoxVariable]:
    """Where Durascope and Temporal's UI are, for links; set them once in the dashboard's settings."""
    return [
        build.TextBoxVariable(name).label(label).default_value(url).hide(model.VariableHide.HIDE_VARIABLE)
        for name, label, url in (
            ("durascope", "Durascope", DURASCOPE_URL),
            ("temporal_ui", "Temporal UI", TEMPORAL_UI_URL),
        )
    ]


def values(name: str, label: str, metric: str, column: str = "", *, multi: bool = True) -> build.QueryVariable:
    """The values of a label in Prometheus; all of them unless one is chosen."""
    found = build.QueryVariable(name).label(label).datasource(PROMETHEUS)
    found.query(f"label_values({metric}, {column or name})").refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
    found.sort(model.VariableSort.ALPHABETICAL_ASC)
    if not multi:
        return found
    everything = model.VariableOption(text="All", value="$__all", selected=True)
    # ".*" and not ".+": a label that does not apply is absent.
    return found.multi(True).include_all(True).all_value(".*").current(everything)


def textbox(name: str, label: str, description: str) -> build.TextBoxVariable:
    """Something to type or to come with in a link."""
    return build.TextBoxVariable(name).label(label).description(description).default_value("")
