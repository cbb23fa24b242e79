"""`make stack-check`: the real programs of compose.yaml, with its very configuration, against sample runs.

    sample worker --OTLP--> otelcol --> Durascope, Tempo          durascope export --> otelcol, Phoenix
                               `--> /metrics

Go builds the OpenTelemetry Collector, PyPI has Phoenix, npm has Grafana's TraceQL grammar, Debian has Prometheus; all
is cached. What cannot be had is named, with what it needs: it is not checked, and nothing says that it was.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from durascope_dashboard.demo.children import Children
from durascope_dashboard.demo.dev_server import free_port
from durascope_dashboard.demo.errors import DemoError
from durascope_dashboard.reader import Reader
from durascope_dashboard.remote_reader import RemoteReader
from grafana.checks import programs
from grafana.checks.programs import Missing
from grafana.checks.readback import Span, differences, from_rows
from grafana.checks.running import Otelcol, Phoenix, Tempo, traceql_problems
from grafana.sample_fleet import ROOT, SampleFleet, answers, eventually

RUNS = 6
PLAIN_RUNS = 3
WORKER_METRICS = (
    "durascope_attempts_total", "durascope_attempt_run_time_seconds_bucket",
    "gen_ai_client_operation_duration_seconds_bucket",
)  # fmt: skip


class Report:
    """What was checked, what failed and what could not be checked."""

    def __init__(self) -> None:
        self.failed = 0
        self.missing: list[str] = []

    def say(self, what: str, problems: list[str]) -> None:
        """One line a check; its problems below it."""
        self.failed += bool(problems)
        sys.stdout.write(f"{'FAILED ' if problems else 'ok     '} {what}\n")
        sys.stdout.writelines(f"          {problem}\n" for problem in problems[:10])
        sys.stdout.flush()

    def needs(self, what: str, error: Missing) -> None:
        """Something that is not here."""
        self.missing.append(what)
        sys.stdout.write(f"not run {what}; it needs {error}\n")


def main() -> int:
    """Run every check that can be run: 0 if all of them passed."""
    argparse.ArgumentParser(prog="python -m grafana.stack_check", description=__doc__).parse_args()
    report = Report()
    try:
        binary = programs.otelcol()
    except Missing as error:
        report.needs("everything", error)
        return 1
    with tempfile.TemporaryDirectory(prefix="durascope-stack-") as name:
        folder = Path(name)
        children = Children(folder / "logs")
        try:
            _check(report, children, binary, folder)
        except (DemoError, TimeoutError) as error:
            report.say(str(error), ["see above"])
        finally:
            children.stop()
    done = "passed" if not report.failed else f"{report.failed} failed"
    sys.stdout.write(f"{done}; not run: {', '.join(report.missing) or 'nothing'}\n")
    return 1 if report.failed else 0


def _check(report: Report, children: Children, binary: Path, folder: Path) -> None:
    grpc = free_port()
    tempo = _tempo(report, children, folder)
    store = tempo or Sink(children, folder)
    collector = Otelcol(children, binary, f"127.0.0.1:{grpc}", store.otlp)
    otlp = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.grpc}", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_METRIC_EXPORT_INTERVAL": "5000",  # exemplars live for one export
    }  # fmt: skip
    with SampleFleet(folder, otlp, grpc=grpc) as fleet:
        fleet.run(RUNS)
        report.say("metrics of the workers at the collector, with exemplars", _metrics(collector))
        reader = RemoteReader(fleet.collector)
        shown = _settled(fleet)
        report.say(f"{RUNS} runs through the OpenTelemetry Collector: Durascope sees every attempt", _coverage(shown))
        where = "Tempo" if tempo else "a receiver in Tempo's place"
        _read_back(report, f"live traces read back from {where} equal `durascope show`", shown, store.trace)
        before = _told(fleet, reader)
        for _ in range(2):
            _export(fleet, f"http://{collector.grpc}")
        _read_back(report, f"exported twice over the live spans: {where} still equals it", shown, store.trace)
        report.say("exported twice over the live spans: Durascope says what it said", _changes(fleet, reader, before))
        _history_only(report, fleet, f"http://{collector.grpc}", where, store.trace)
        _traceql(report, tempo)
        shown = [_show(fleet, workflow_id) for workflow_id in fleet.runs]
        _phoenix(report, children, fleet, shown, folder)
        reader.close()


class Sink:
    """A Durascope collector without history, which only keeps what it is sent: stands where Tempo would."""

    def __init__(self, children: Children, folder: Path) -> None:
        http, self.otlp = free_port(), f"127.0.0.1:{free_port()}"
        self._url = f"http://127.0.0.1:{http}"
        options = ["--store", str(folder / "sink.duckdb"), "--otlp-http", f"127.0.0.1:{http}", "--no-history"]
        command = [sys.executable, "-m", "durascope._main", "collect", *options, "--otlp-grpc", self.otlp]
        child = children.start("sink", command, os.environ, ROOT)
        children.wait_ready(child, lambda: answers(f"{self._url}/healthz"), 60, lambda: False)

    def trace(self, trace_id: str) -> list[Span]:
        """What arrived of a trace."""
        reader = RemoteReader(self._url)
        rows = reader.query("spans", trace_id=trace_id).to_pylist()
        reader.close()
        return from_rows(rows)


def _tempo(report: Report, children: Children, folder: Path) -> Tempo | None:
    try:
        return Tempo(children, programs.tempo(), folder / "tempo", "http://127.0.0.1:9")
    except Missing as error:
        report.needs("Tempo", error)
        return None


def _show(fleet: SampleFleet, workflow_id: str) -> dict[str, Any]:
    url = f"{fleet.collector}/api/v1/runs/{workflow_id}"
    eventually(lambda: answers(url), f"{workflow_id} known to Durascope")
    with urllib.request.urlopen(url, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def _settled(fleet: SampleFleet) -> list[dict[str, Any]]:
    """`durascope show` of every run, once both sources have told all of it (or a minute has passed)."""
    shown: list[dict[str, Any]] = []

    def whole() -> bool:
        shown[:] = [_show(fleet, workflow_id) for workflow_id in fleet.runs]
        return not _coverage(shown)

    try:
        eventually(whole, "spans of every attempt")
    except TimeoutError:
        pass  # what is missing is reported by the check
    return shown


def _coverage(shown: list[dict[str, Any]]) -> list[str]:
    return [
        f"{run['workflow_id']} is {run['status']} with {run['coverage']}"
        for run in shown
        if run["status"] == "running" or run["coverage"]["span_attempts"] != run["coverage"]["history_attempts"]
    ]


def _metrics(collector: Otelcol) -> list[str]:
    try:
        eventually(lambda: not _lacking(collector.exposition()), "metrics and exemplars", 20)
    except TimeoutError:
        return _lacking(collector.exposition())
    return []


def _lacking(exposition: str) -> list[str]:
    absent = [name for name in WORKER_METRICS if f"\n{name}{{" not in exposition]
    exemplars = [] if "# {" in exposition else ["no exemplar in it"]
    return [f"{name} is not there" for name in absent] + exemplars


def _read_back(report: Report, what: str, shown: list[dict[str, Any]], read: Callable[[str], list[Span]]) -> None:
    def problems() -> list[str]:
        found = []
        for run in shown:
            found += [f"{run['workflow_id']}: {problem}" for problem in differences(read(run["trace_id"]), run)]
        return found

    try:
        eventually(lambda: not problems(), what, 40)
    except TimeoutError:
        pass  # the problems themselves are reported
    report.say(what, problems())


def _history_only(
    report: Report, fleet: SampleFleet, endpoint: str, where: str, read: Callable[[str], list[Span]]
) -> None:
    ids = fleet.run_uninstrumented(PLAIN_RUNS)
    eventually(lambda: all(_show(fleet, each)["status"] != "running" for each in ids), "the runs without plugin")
    for _ in range(2):
        _export(fleet, endpoint)
    shown = [_show(fleet, each) for each in ids]
    spans = [f"{run['workflow_id']} has spans" for run in shown if run["coverage"]["span_attempts"]]
    report.say(f"{PLAIN_RUNS} runs of a worker without the plugin: only history tells of them", spans)
    _read_back(report, f"exported twice: their whole traces in {where} equal `durascope show`", shown, read)


def _told(fleet: SampleFleet, reader: Reader) -> dict[str, Any]:
    """What Durascope says of each run, and its spans; how often it has dropped a repeated span aside."""
    found = {}
    for workflow_id in fleet.runs:
        shown = _show(fleet, workflow_id)
        spans = reader.query("spans", workflow_id=workflow_id, run_id=shown["run_id"]).to_pylist()
        del shown["coverage"]["duplicate_spans"]
        found[workflow_id] = shown | {"spans": sorted(span["span_id"] for span in spans)}
    return found


def _changes(fleet: SampleFleet, reader: Reader, before: dict[str, Any]) -> list[str]:
    after = _told(fleet, reader)
    return [
        f"{workflow_id}: {name} was {told[name]}, is {after[workflow_id].get(name)}"
        for workflow_id, told in before.items()
        for name in told
        if after[workflow_id].get(name) != told[name]
    ]


def _export(fleet: SampleFleet, endpoint: str) -> None:
    command = [sys.executable, "-m", "durascope._main", "export", "otlp", "--endpoint", endpoint, "--protocol", "grpc"]
    done = subprocess.run(command, env=fleet.environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise TimeoutError(f"durascope export otlp: {done.stderr.strip()}")


def _traceql(report: Report, tempo: Tempo | None) -> None:
    from tests.grafana.boards import traceql

    queries = [query for query in traceql() if query != "$trace_id"]
    what = f"{len(queries)} TraceQL queries of the dashboards"
    try:
        report.say(f"{what} are TraceQL to Grafana's own grammar", traceql_problems(queries))
    except Missing as error:
        report.needs(f"{what}, by Grafana's grammar", error)
    if tempo is not None:
        empty = [query for query in queries if not any(tempo.search(query).values())]
        report.say(f"{what} find something in Tempo", [f"nothing for {query}" for query in empty])


def _phoenix(report: Report, children: Children, fleet: SampleFleet, shown: list[dict[str, Any]], folder: Path) -> None:
    try:
        phoenix = Phoenix(children, programs.phoenix(), folder / "phoenix")
    except Missing as error:
        report.needs("Phoenix", error)
        return
    for number in ("once", "twice"):
        _export(fleet, phoenix.otlp)
        what = f"exported {number} to Phoenix: counts, parents and tokens equal `show`"
        _read_back(report, what, shown, phoenix.trace)
    totals = phoenix.totals()
    billed = {run["trace_id"]: run["tokens"]["billed"]["input"] + run["tokens"]["billed"]["output"] for run in shown}
    wrong = [f"{trace}: {totals.get(trace)} instead of {tokens}" for trace, tokens in billed.items()
             if totals.get(trace) != tokens]  # fmt: skip
    report.say("Phoenix' own token totals of each trace equal the ledger", wrong)


if __name__ == "__main__":
    sys.exit(main())
