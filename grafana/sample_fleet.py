"""A real, small fleet on loopback: Temporal, scripted models, a collector and a sample worker, for checks of the stack.

with SampleFleet(folder) as fleet:
    fleet.run(8)            # sample runs, to their end
    fleet.collector         # http://127.0.0.1:PORT
"""

import asyncio
import os
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from durascope_dashboard.demo.children import Child, Children
from durascope_dashboard.demo.dev_server import DevServer, free_port, port_in_use
from sample_workflows.observable.workflow import ObservableWorkflow, Question
from sample_workflows.research.workflow import ResearchRequest, ResearchWorkflow

ROOT = Path(__file__).parents[1]
READY_S = 90.0
QUEUE = "durascope-samples"


class SampleFleet:
    """``otlp``: variables that send the worker's telemetry elsewhere; ``grpc``: the collector's port for it."""

    def __init__(self, folder: Path, otlp: Mapping[str, str] | None = None, grpc: int = 0) -> None:
        self.temporal = DevServer()
        self.children = Children(folder / "logs")
        self.store = folder / "durascope.duckdb"
        self.http, self.models, self.worker = (free_port() for _ in range(3))
        self.grpc = grpc or free_port()
        self._otlp = dict(otlp or {})
        self.runs: list[str] = []

    @property
    def collector(self) -> str:
        """The collector's HTTP address."""
        return f"http://127.0.0.1:{self.http}"

    @property
    def targets(self) -> dict[str, str]:
        """Job of grafana/stack/prometheus.yaml -> what to scrape for it."""
        ports = {"durascope": self.http, "workers": self.worker, "temporal": self.temporal.metrics_port}
        return {job: f"127.0.0.1:{port}" for job, port in ports.items()}

    @property
    def environment(self) -> dict[str, str]:
        """Of every process of the fleet."""
        mine = {k: v for k, v in os.environ.items() if not k.startswith(("TEMPORAL_", "OTEL_", "DURASCOPE_"))}
        return mine | {
            "TEMPORAL_ADDRESS": self.temporal.address,
            "TEMPORAL_CONFIG_FILE": os.devnull,
            "OPENAI_BASE_URL": f"http://127.0.0.1:{self.models}/v1",
            "OPENAI_API_KEY": "scripted",
            "OTEL_SERVICE_NAME": "sample-worker",
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.collector,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "DURASCOPE_SERVER": self.collector,
            **self._otlp,
        }

    def __enter__(self) -> Self:
        try:
            self.temporal.start()
            self._start_servers()
            worker = ["--role", "workflow,activity", "--flaky", "0.6", "--metrics", f"127.0.0.1:{self.worker}"]
            child = self.start("worker", "sample_workflows.worker", *worker, wave=1)
            self.wait_ready(child, lambda: b" polls " in child.log.read_bytes())
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, name: str, module: str, *arguments: str, wave: int = 0) -> Child:
        """One more process, a Python module, stopped with the rest; a higher ``wave`` is stopped earlier."""
        return self.children.start(name, [sys.executable, "-m", module, *arguments], self.environment, ROOT, wave)

    def _start_servers(self) -> None:
        models = self.start("models", "sample_workflows.model_server", "--port", str(self.models), "--instant")
        collect = ["collect", "--store", str(self.store), "--otlp-http", f"127.0.0.1:{self.http}"]
        collector = self.start("collector", "durascope._main", *collect, "--otlp-grpc", f"127.0.0.1:{self.grpc}")
        self.wait_ready(models, lambda: port_in_use(self.models))
        self.wait_ready(collector, lambda: answers(f"{self.collector}/healthz"))

    def wait_ready(self, child: Child, ready: Callable[[], bool]) -> None:
        """Wait for a process that was started. Raises DemoError when it ends first or takes too long."""
        self.children.wait_ready(child, ready, READY_S, lambda: False)

    def run(self, count: int, queue: str = QUEUE, timeout_s: float = 240.0) -> list[str]:
        """Start sample runs, two of each three `observable`, and wait for their end; their workflow ids."""
        ids = asyncio.run(asyncio.wait_for(self._run(count, queue), timeout_s))
        self.runs += ids
        return ids

    def run_uninstrumented(self, count: int) -> list[str]:
        """The same on a worker without the plugin: only history tells of them."""
        queue = f"{QUEUE}-plain"
        options = ["--role", "workflow,activity", "--flaky", "0.6", "--task-queue", queue, "--without-plugin"]
        child = self.start("plain-worker", "sample_workflows.worker", *options, wave=1)
        self.wait_ready(child, lambda: b" polls " in child.log.read_bytes())
        return self.run(count, queue)

    async def _run(self, count: int, queue: str) -> list[str]:
        client = await Client.connect(self.temporal.address)
        first = len(self.runs)
        started = [self._start(client, number, queue) for number in range(first, first + count)]
        handles = await asyncio.gather(*started)
        for handle in handles:
            try:
                await handle.result()
            except WorkflowFailureError:
                pass  # a failed run is a run like any other here
        return [handle.id for handle in handles]

    async def _start(self, client: Client, number: int, queue: str) -> WorkflowHandle[Any, Any]:
        if number % 3 == 2:
            topic, name = ResearchRequest(f"tides {number}"), f"research-{number:03d}"
            return await client.start_workflow(ResearchWorkflow.run, topic, id=name, task_queue=queue)
        question, name = Question(f"Where is order {1000 + number}?", f"customer-{number}"), f"observable-{number:03d}"
        return await client.start_workflow(ObservableWorkflow.run, question, id=name, task_queue=queue)

    def stop(self) -> None:
        """Stop everything that was started."""
        self.children.stop()
        self.temporal.stop()


def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def eventually(ready: Callable[[], object], what: str, timeout_s: float = READY_S) -> None:
    """Poll until ``ready()``. Raises TimeoutError with ``what``."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(0.2)
