"""The collector about itself, from what ``/healthz`` says; a number that it does not know is left out."""

from typing import Any

from durascope_dashboard.export.families import Family, Sample, Type

PREFIX = "durascope.collector"
TROUBLE = ("refused", "failed_commits", "rollup_errors", "gone", "unreadable", "throttled", "undecoded")


def health_families(health: dict[str, Any]) -> list[Family]:
    """Ready, following, how far behind, what came in and what went wrong."""
    history = health.get("history") or {}
    state = history.get("state", "off")
    following = [] if state == "off" else [Sample({}, 1.0 if state == "running" else 0.0)]
    lags = (("history", history.get("lag_s")), ("ingest", health.get("ingest_lag_s")))
    behind = [Sample({"source": name}, float(value)) for name, value in lags if isinstance(value, int | float)]
    ready = [Sample({}, 1.0 if health.get("status") == "ready" else 0.0)]
    return [
        _gauge("ready", "1 when the collector is ready.", "1", ready),
        _gauge("following", "1 while Temporal's histories are followed.", "1", following),
        _gauge("lag", "How far the collector is behind, by source.", "s", behind),
        _told(health, "received", "What was taken in.", ("spans", "events", "histories", "metric_requests")),
        _told({**history, **health}, "trouble", "What went wrong.", TROUBLE),
    ]


def _gauge(name: str, help: str, unit: str, samples: list[Sample]) -> Family:
    return Family(f"{PREFIX}.{name}", Type.GAUGE, help, unit, samples)


def _told(health: dict[str, Any], name: str, help: str, whats: tuple[str, ...]) -> Family:
    samples = [Sample({"what": what}, float(health[what])) for what in whats if health.get(what) is not None]
    return Family(f"{PREFIX}.{name}", Type.COUNTER, help, "", samples)
