"""Grafana's alert provisioning, generated from the Prometheus rules, which are the only place where alerts are written.

As Grafana's own import of Prometheus rules does it: the expression, "is there a number", "is it above 0".
"""

import hashlib
from pathlib import Path
from typing import Any

import yaml

RULES = "durascope.rules.yaml"
HEADER = "# Generated from grafana/alerts/durascope.rules.yaml by `python -m grafana.build`; change that file.\n"
# In a provisioning file `$NAME` is an environment variable, so a dollar sign of a template is written twice.
DURASCOPE = "${DURASCOPE_URL}"
LOOK_BACK_S = 600


def provisioning(folder: Path) -> str:
    """The YAML for ``provisioning/alerting``."""
    groups = [_group(group) for group in rules(folder)["groups"] if any("alert" in rule for rule in group["rules"])]
    return HEADER + yaml.safe_dump({"apiVersion": 1, "groups": groups}, sort_keys=False, width=1000)


def rules(folder: Path) -> Any:
    """The rule file as it stands."""
    return yaml.safe_load((folder / RULES).read_text("utf-8"))


def _group(group: dict[str, Any]) -> dict[str, Any]:
    found = [_rule(rule) for rule in group["rules"] if "alert" in rule]
    return {"orgId": 1, "name": group["name"], "folder": "Durascope", "interval": "1m", "rules": found}


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    annotations = {name: text.replace("$value", "$values.query.Value") for name, text in rule["annotations"].items()}
    page, board = annotations.pop("durascope"), annotations.pop("dashboard")
    links = {"durascope": f"{DURASCOPE}{_escaped(page)}", "__dashboardUid__": board, "__panelId__": "2"}
    return {
        "uid": "durascope-" + hashlib.sha256(rule["alert"].encode()).hexdigest()[:12],
        "title": rule["alert"],
        "condition": "threshold",
        "for": rule.get("for", "0s"),
        "noDataState": "OK",  # an alert's expression gives nothing while all is well
        "execErrState": "Error",
        "labels": rule["labels"],
        "annotations": {name: _escaped(text) for name, text in annotations.items()} | links,
        "data": [_query(rule["expr"]), _is_number(), _above_zero()],
    }


def _escaped(text: str) -> str:
    return text.replace("$", "$$")


def _query(expr: str) -> dict[str, Any]:
    model = {"refId": "query", "expr": _escaped(expr), "instant": True, "range": False}
    return _node("query", "prometheus", model, LOOK_BACK_S)


def _is_number() -> dict[str, Any]:
    is_number = "is_number($query) || is_nan($query) || is_inf($query)"
    return _node("is_number", "__expr__", {"refId": "is_number", "type": "math", "expression": _escaped(is_number)})


def _above_zero() -> dict[str, Any]:
    conditions = [{"evaluator": {"type": "gt", "params": [0]}}]
    model = {"refId": "threshold", "type": "threshold", "expression": "is_number", "conditions": conditions}
    return _node("threshold", "__expr__", model)


def _node(ref: str, source: str, model: dict[str, Any], look_back_s: int = 0) -> dict[str, Any]:
    return {
        "refId": ref, "datasourceUid": source, "relativeTimeRange": {"from": look_back_s, "to": 0}, "model": model,
    }  # fmt: skip
