"""The committed dashboards and rules, taken apart: panels, expressions, the names of metrics in them."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from tests.grafana.prometheus import GRAFANA

NAMES = ("fleet", "workflow_type", "run", "workers")
VARIABLES = {
    "$namespace": ".*", "$workflow_type": ".*", "$task_queue": ".*", "$workflow_id": "observable-000",
    "$__rate_interval": "30s", "$__range": "10m", "$__interval": "15s",
}  # fmt: skip
_WORDS = {"by", "on", "and", "or", "unless", "offset", "without", "ignoring", "group_left", "group_right", "bool", "le"}


class Expression(NamedTuple):
    """One query and where it stands."""

    place: str
    expr: str
    instant: bool


def board(name: str) -> dict[str, Any]:
    """A dashboard as committed."""
    found: dict[str, Any] = json.loads((GRAFANA / "dashboards" / f"{name}.json").read_text())
    return found


def panels(name: str) -> list[dict[str, Any]]:
    """Its panels without its rows."""
    return [panel for panel in board(name)["panels"] if panel["type"] != "row"]


def filled(text: str) -> str:
    """With the variables' values."""
    for variable, value in VARIABLES.items():
        text = text.replace(variable, value)
    return text


def promql() -> Iterator[Expression]:
    """Every PromQL expression of every dashboard, its annotations included, and of every rule."""
    for name in NAMES:
        for panel in panels(name):
            for target in panel.get("targets", []):
                if target["datasource"]["type"] == "prometheus":
                    instant = bool(target.get("instant"))
                    yield Expression(f"{name}: {panel['title']}", filled(target["expr"]), instant)
        for annotation in board(name)["annotations"]["list"]:
            yield Expression(f"{name}: annotation {annotation['name']}", filled(annotation["expr"]), False)
    rules = yaml.safe_load((GRAFANA / "alerts" / "durascope.rules.yaml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield Expression(f"rule {rule.get('alert') or rule['record']}", rule["expr"], True)


def traceql() -> list[str]:
    """Every TraceQL query of every dashboard."""
    targets = [target for name in NAMES for panel in panels(name) for target in panel.get("targets", [])]
    return [filled(target["query"]) for target in targets if target["datasource"]["type"] == "tempo"]


def metrics(expr: str) -> set[str]:
    """Names of metrics in a PromQL expression."""
    bare = re.sub(r'"[^"]*"', "", expr)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    bare = re.sub(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    words = re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?!\w)(?!\s*\()", bare)
    return {word for word in words if word not in _WORDS and not re.fullmatch(r"\d*[smhd]", word)}


def histogram(name: str) -> str:
    """The family of a series."""
    return re.sub(r"_(bucket|count|sum|total)$", "", name)
