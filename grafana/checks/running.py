"""The programs of the stack on loopback, each with the configuration file that compose.yaml gives it."""

import json
import os
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from durascope_dashboard.demo.children import Child, Children
from durascope_dashboard.demo.dev_server import free_port
from grafana.checks import programs
from grafana.checks.readback import Span, from_otlp, from_phoenix
from grafana.sample_fleet import READY_S, answers

STACK = programs.GRAFANA / "stack"


def get(url: str, accept: str = "application/json") -> bytes:
    """The body of an answer."""
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=30) as answer:
        body: bytes = answer.read()
        return body


def _start(children: Children, name: str, command: list[str], environment: Mapping[str, str], url: str) -> Child:
    child = children.start(name, command, os.environ | dict(environment), programs.GRAFANA.parent)
    children.wait_ready(child, lambda: answers(url), READY_S * 2, lambda: False)
    return child


class Otelcol:
    """The OpenTelemetry Collector with otelcol.yaml."""

    def __init__(self, children: Children, binary: Path, durascope: str, tempo: str) -> None:
        health, self.grpc, self.http, self.metrics = (f"127.0.0.1:{free_port()}" for _ in range(4))
        environment = {
            "HEALTH_ADDRESS": health, "OTLP_GRPC_ADDRESS": self.grpc, "OTLP_HTTP_ADDRESS": self.http,
            "METRICS_ADDRESS": self.metrics, "DURASCOPE_OTLP": durascope, "TEMPO_OTLP": tempo,
        }  # fmt: skip
        command = [str(binary), "--config", str(STACK / "otelcol.yaml")]
        _start(children, "otelcol", command, environment, f"http://{health}/")

    def exposition(self) -> str:
        """What Prometheus scrapes from it."""
        return get(f"http://{self.metrics}/metrics", "application/openmetrics-text; version=1.0.0").decode()


class Tempo:
    """Tempo with tempo.yaml."""

    def __init__(self, children: Children, binary: Path, folder: Path, prometheus: str) -> None:
        port, grpc = free_port(), free_port()
        self.url, self.otlp = f"http://127.0.0.1:{port}", f"127.0.0.1:{free_port()}"
        environment = {
            "TEMPO_HOST": "127.0.0.1", "TEMPO_HTTP_PORT": str(port), "TEMPO_GRPC_PORT": str(grpc),
            "TEMPO_OTLP_ADDRESS": self.otlp, "TEMPO_DATA": str(folder),
            "PROMETHEUS_WRITE": f"{prometheus}/api/v1/write",
        }  # fmt: skip
        command = [str(binary), f"-config.file={STACK / 'tempo.yaml'}", "-config.expand-env=true"]
        _start(children, "tempo", command, environment, f"{self.url}/ready")

    def trace(self, trace_id: str) -> list[Span]:
        """A trace; its protobuf has the shape of OTLP's."""
        body = get(f"{self.url}/api/traces/{trace_id}", "application/protobuf")
        return from_otlp(TracesData.FromString(body).resource_spans)

    def search(self, query: str) -> dict[str, Any]:
        """A TraceQL search, or a metrics query if it is one."""
        metrics = any(f"| {name}_over_time" in query for name in ("count", "quantile", "sum"))
        path = "metrics/query_range" if metrics else "search"
        found: dict[str, Any] = json.loads(get(f"{self.url}/api/{path}?{urllib.parse.urlencode({'q': query})}"))
        return found


class Phoenix:
    """Arize Phoenix with a database of its own."""

    def __init__(self, children: Children, command: Path, folder: Path) -> None:
        port, grpc = free_port(), free_port()
        self.url, self.otlp = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{grpc}"
        environment = {
            "PHOENIX_HOST": "127.0.0.1", "PHOENIX_PORT": str(port), "PHOENIX_GRPC_PORT": str(grpc),
            "PHOENIX_WORKING_DIR": str(folder), "PHOENIX_TELEMETRY_ENABLED": "false",
        }  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        _start(children, "phoenix", [str(command), "serve"], environment, f"{self.url}/healthz")

    def spans(self) -> list[Span]:
        """Everything it holds."""
        body = json.loads(get(f"{self.url}/v1/projects/default/spans?limit=1000"))
        return from_phoenix(body["data"])

    def trace(self, trace_id: str) -> list[Span]:
        """Those of one trace."""
        return [span for span in self.spans() if span.trace_id == trace_id]

    def totals(self) -> dict[str, int]:
        """Trace id -> tokens, as Phoenix itself adds them up at the root of each trace."""
        query = """{projects{edges{node{spans(first:1000){edges{node{
            parentId trace{traceId} cumulativeTokenCountTotal}}}}}}}"""
        request = urllib.request.Request(
            f"{self.url}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            edges = json.load(answer)["data"]["projects"]["edges"][0]["node"]["spans"]["edges"]
        roots = [edge["node"] for edge in edges if edge["node"]["parentId"] is None]
        return {root["trace"]["traceId"]: int(root["cumulativeTokenCountTotal"]) for root in roots}


def traceql_problems(queries: list[str]) -> list[str]:
    """Queries that Grafana's own TraceQL grammar (npm: @grafana/lezer-traceql) does not accept. Raises Missing."""
    folder = programs.CACHE / "lezer-traceql"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "node_modules").exists():
        try:
            install = ["npm", "install", "--silent", "--prefix", str(folder), "@grafana/lezer-traceql@1.0.0"]
            subprocess.run([*install, "@lezer/lr@1"], check=True, capture_output=True, timeout=300)
        except (OSError, subprocess.SubprocessError) as error:
            raise programs.Missing(f"node and npm, to parse TraceQL with Grafana's grammar ({error})") from error
    script = """
        import {parser} from "@grafana/lezer-traceql";
        for (const query of JSON.parse(process.argv[2])) {
            let wrong = false;
            parser.parse(query).iterate({enter: node => { wrong ||= node.type.isError; }});
            if (wrong) console.log(query);
        }"""
    (folder / "parse.mjs").write_text(script)
    command = ["node", str(folder / "parse.mjs"), json.dumps(queries)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.splitlines()
