"""Prometheus' own checks of the rules, their unit tests, and the configuration of compose.yaml."""

import subprocess
from pathlib import Path

import yaml

from tests.grafana.prometheus import GRAFANA

ALERTS = GRAFANA / "alerts"


def _promtool(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], cwd=ALERTS, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_are_valid() -> None:
    """`promtool check rules`."""
    assert "SUCCESS: 16 rules found" in _promtool("check", "rules", "durascope.rules.yaml")


def test_each_alert_fires_when_it_should() -> None:
    """`promtool test rules`."""
    _promtool("test", "rules", "durascope.test.yaml")


def test_each_alert_has_a_unit_test() -> None:
    """None is left out."""
    rules = yaml.safe_load((ALERTS / "durascope.rules.yaml").read_text())["groups"]
    tests = yaml.safe_load((ALERTS / "durascope.test.yaml").read_text())["tests"]
    alerts = {rule["alert"] for group in rules for rule in group["rules"] if "alert" in rule}
    fired = {each["alertname"] for test in tests for each in test["alert_rule_test"] if each.get("exp_alerts")}
    assert fired == alerts


def test_the_configuration_is_valid(tmp_path: Path) -> None:
    """`promtool check config`, with the rules where they are here."""
    text = (GRAFANA / "stack" / "prometheus.yaml").read_text().replace("/etc/prometheus/rules", str(ALERTS))
    (tmp_path / "prometheus.yaml").write_text(text)
    assert "1 rule files found" in _promtool("check", "config", str(tmp_path / "prometheus.yaml"))
