"""The committed dashboards are what the builder makes, valid to Grafana's own types, and every panel leads on."""

import importlib
import json
import subprocess
import sys
from itertools import combinations
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from durascope_dashboard.links import PAGES
from grafana import build
from tests.grafana import boards
from tests.grafana.prometheus import GRAFANA

ALERTING = GRAFANA / "provisioning" / "alerting" / "durascope.yaml"


def test_everything_generated_is_fresh() -> None:
    """`make grafana` would change nothing."""
    stale = [path.name for path, text in build.files().items() if path.read_text("utf-8") != text]
    assert not stale


def test_check_tells_by_its_exit_code() -> None:
    """What CI runs."""
    command = [sys.executable, "-m", "grafana.build", "--check"]
    done = subprocess.run(command, cwd=GRAFANA.parent, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def _unset(value: Any) -> Any:
    """Without nulls: the SDK writes an optional field that is null as absent."""
    if isinstance(value, dict):
        return {key: _unset(item) for key, item in value.items() if item is not None}
    return [_unset(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", boards.NAMES)
def test_a_round_trip_through_grafanas_types_loses_nothing(name: str) -> None:
    """A field that Grafana's schema does not know would not come back."""
    register_default_plugins()
    committed = boards.board(name)
    again = json.loads(JSONEncoder().encode(Dashboard.from_json(committed)))
    assert _unset(again) == _unset(committed)
    assert committed["schemaVersion"] >= 41


@pytest.mark.parametrize("where", ["panel", "options", "custom", "target"])
def test_the_round_trip_notices_what_grafana_does_not_know(where: str) -> None:
    """A misspelt field anywhere is lost on the way."""
    register_default_plugins()
    committed = boards.board("fleet")
    panel = next(panel for panel in committed["panels"] if panel["type"] == "timeseries")
    places = {"panel": panel, "options": panel["options"], "custom": panel["fieldConfig"]["defaults"]["custom"],
              "target": panel["targets"][0]}  # fmt: skip
    places[where]["lineWitdh"] = 1
    assert _unset(json.loads(JSONEncoder().encode(Dashboard.from_json(committed)))) != _unset(committed)


@pytest.mark.parametrize("name", boards.NAMES)
def test_every_panel_says_what_it_is_and_leads_on(name: str) -> None:
    """A description, a link to Durascope and one to Temporal's UI, and a number of its own."""
    found = boards.panels(name)
    for panel in found:
        assert panel.get("description") or panel["type"] == "text", panel["title"]
        links = {link["title"]: link["url"] for link in panel["links"]}
        assert links["Durascope"].startswith("${durascope}/") and links["Temporal UI"].startswith("${temporal_ui}/")
    numbers = [panel["id"] for panel in boards.board(name)["panels"]]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("name", boards.NAMES)
def test_no_panel_lies_on_another(name: str) -> None:
    """Within 24 columns, none over another."""
    places = [(panel["title"], panel["gridPos"]) for panel in boards.board(name)["panels"]]
    assert all(at["x"] + at["w"] <= 24 for _, at in places)
    for (one, a), (other, b) in combinations(places, 2):
        apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        assert apart or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"], (one, other)


def test_links_name_pages_and_filters_that_durascope_has() -> None:
    """A link to a page or a view that was renamed fails here."""
    pages = {name for name, _, _ in PAGES}
    views = importlib.import_module("durascope_dashboard.panels.filters").VIEWS
    urls = [link["url"] for name in boards.NAMES for panel in boards.panels(name) for link in panel["links"]]
    rules = yaml.safe_load((GRAFANA / "alerts" / "durascope.rules.yaml").read_text())["groups"]
    urls += [rule["annotations"]["durascope"] for group in rules for rule in group["rules"] if "alert" in rule]
    for url in urls:
        if url.startswith(("${durascope}/", "/")):
            page, _, query = url.removeprefix("${durascope}").removeprefix("/").partition("?")
            assert page in pages, url
            trouble = [part.removeprefix("trouble=") for part in query.split("&") if part.startswith("trouble=")]
            assert all(view.replace("%20", " ").replace("+", " ") in views for view in trouble), url


def test_alerts_name_dashboards_that_exist() -> None:
    """And each rule of Prometheus is one of Grafana's, with the same expression."""
    rules = yaml.safe_load((GRAFANA / "alerts" / "durascope.rules.yaml").read_text())["groups"]
    wanted = {rule["alert"]: rule for group in rules for rule in group["rules"] if "alert" in rule}
    provisioned = [rule for group in yaml.safe_load(ALERTING.read_text())["groups"] for rule in group["rules"]]
    uids = {boards.board(name)["uid"] for name in boards.NAMES}
    assert {rule["title"] for rule in provisioned} == set(wanted) and len(provisioned) == len(wanted)
    for rule in provisioned:
        source = wanted[rule["title"]]
        assert rule["data"][0]["model"]["expr"].replace("$$", "$") == source["expr"]
        assert rule["annotations"]["__dashboardUid__"] == source["annotations"]["dashboard"] and uids
        assert source["annotations"]["dashboard"] in uids
        assert [node["refId"] for node in rule["data"]][-1] == rule["condition"]


def test_dollar_signs_of_templates_are_doubled() -> None:
    """In a provisioning file a single one is an environment variable of Grafana's."""
    text = ALERTING.read_text() + (GRAFANA / "provisioning" / "datasources" / "durascope.yaml").read_text()
    known = ("{DURASCOPE_URL}", "{PROMETHEUS_URL}", "{TEMPO_URL}", "`", "NAME`")
    assert all(word.startswith(known) for word in text.replace("$$", "").split("$")[1:])
