"""A real Prometheus scrapes a real fleet: every expression runs, finds metrics that exist, and shows the truth."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from durascope_dashboard.demo.dev_server import free_port
from durascope_dashboard.reader import Reader
from durascope_dashboard.remote_reader import RemoteReader
from grafana.sample_fleet import SampleFleet, eventually
from tests.grafana import boards
from tests.grafana.otlp_bridge import Bridge
from tests.grafana.prometheus import Prometheus

pytestmark = [pytest.mark.server, pytest.mark.timeout(400)]
RUNS = 6

# Expressions without data although all is well, and why.
SILENT = {
    "run: Calls between services": "made by Tempo's metrics generator, see make stack-check",
    "fleet: No price, by model": "the scripted models have list prices",
    "fleet: annotation Deployments": "one build only, and no five minutes to look back",
    "workflow_type: annotation Deployments": "the same",
    "run: annotation Deployments": "the same",
    "workers: annotation Deployments": "the same",
    "fleet: Wasted tokens, by agent": "failed attempts of the scripted models bill nothing",
    "fleet: Longest wait for a worker now": "all attempts have been taken",
    "workers: Attempts waiting for a worker": "all attempts have been taken",
    "workers: Longest wait": "all attempts have been taken",
}
MADE_ELSEWHERE = {"traces_service_graph_request_total"}


class Measured(NamedTuple):
    """A Prometheus that has seen a fleet at work, and the fleet's own account."""

    prometheus: Prometheus
    reader: Reader
    fleet: SampleFleet


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    """Scraped from before the first run until the last has settled."""
    folder = tmp_path_factory.mktemp("live")
    with Bridge() as bridge:
        otlp = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"http://{bridge.address}/v1/metrics"}
        with SampleFleet(folder, otlp) as fleet:
            broken = f"127.0.0.1:{free_port()}"
            targets = fleet.targets | {"opentelemetry": bridge.address}
            targets["workers"] += f",{broken}"
            with Prometheus(targets, folder) as prometheus:
                child = fleet.start("broken", "tests.grafana.broken_worker", fleet.temporal.address, broken, wave=1)
                fleet.wait_ready(child, lambda: b"polls" in child.log.read_bytes())
                eventually(lambda: prometheus.query("durascope_collector_ready == 1"), "a first scrape")
                fleet.run(RUNS)
                closed = "sum(increase(durascope_fleet_runs_total[5m]))"
                eventually(lambda: _number(prometheus, closed) >= RUNS, "all runs counted", 120)
                reader = RemoteReader(fleet.collector)
                yield Measured(prometheus, reader, fleet)
                reader.close()


def _number(prometheus: Prometheus, expr: str) -> float:
    found = prometheus.query(expr)
    return float(found[0]["value"][1]) if found else 0.0


def test_every_expression_runs_and_finds_something(measured: Measured) -> None:
    """Of every dashboard, annotation and rule; those that are rightly silent are named with the reason."""
    silent = set()
    for place, expr, instant in boards.promql():
        found = measured.prometheus.query(expr) if instant else measured.prometheus.query_range(expr)
        if not found and not place.startswith("rule Durascope"):  # an alert is silent while all is well
            silent.add(place)
    assert silent - SILENT.keys() == set()


def test_every_metric_named_exists(measured: Measured) -> None:
    """As a series, or as a family that has no series while nothing is wrong."""
    series = set(measured.prometheus.get("label/__name__/values"))
    families = set(measured.prometheus.get("metadata"))
    named = {name for _, expr, _ in boards.promql() for name in boards.metrics(expr)} - MADE_ELSEWHERE
    assert {name for name in named if name not in series and boards.histogram(name) not in families} == set()
    assert len(named) > 50


def test_prometheus_counts_what_the_runs_say(measured: Measured) -> None:
    """Runs, attempts, retries, failures and tokens of the store are those of the last scrape."""
    runs = measured.reader.query("runs", limit=1000, status=["completed", "failed"]).to_pylist()

    def scraped() -> dict[str, float]:
        names = {"runs": "runs_total", "attempts": "attempts_total", "retries": "retries_total"}
        ours = 'workflow_type!="RetryingWorkflow"'  # which never ends
        found = {k: _number(measured.prometheus, f"sum(durascope_fleet_{n}{{{ours}}})") for k, n in names.items()}
        for kind in ("input", "output"):
            expr = f'sum(durascope_fleet_tokens_total{{type="{kind}"}})'
            found[kind] = _number(measured.prometheus, expr)
        return found

    told = {
        "runs": len(runs), "attempts": sum(run["attempts"] for run in runs),
        "retries": sum(run["retries"] for run in runs), "input": sum(run["billed_input"] for run in runs),
        "output": sum(run["billed_output"] for run in runs),
    }  # fmt: skip
    eventually(lambda: scraped() == told, f"Prometheus to say {told}, it says {scraped()}", 30)
    assert told["runs"] == RUNS and told["retries"] > 0


def test_increase_sees_the_first_failure_of_its_kind(measured: Measured) -> None:
    """A new series begins at 0, so that the first event is an increase; the broken workflow's was one."""
    expr = 'sum(increase(durascope_fleet_workflow_task_failures_total{workflow_type="BrokenWorkflow"}[5m]))'
    eventually(lambda: _number(measured.prometheus, expr) > 0, "the failed workflow task", 40)


def test_an_exemplar_is_the_trace_of_a_run(measured: Measured) -> None:
    """From a bucket of the run duration to the trace id that `durascope show` prints."""
    found = measured.prometheus.get(
        "query_exemplars", query="durascope_fleet_run_duration_seconds_bucket", start="0", end="9999999999"
    )
    traces = {exemplar["labels"]["trace_id"] for series in found for exemplar in series["exemplars"]}
    shown = {_show(measured.fleet, workflow_id)["trace_id"] for workflow_id in measured.fleet.runs}
    assert traces and traces <= shown


def _show(fleet: SampleFleet, workflow_id: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{fleet.collector}/api/v1/runs/{workflow_id}", timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
        return found
