"""The samples as in real life: workers in a process of their own, a collector in another, models in this one."""

import json
import os
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from temporalio.client import Client

from durascope_dashboard.analysis.view import run_object
from durascope_dashboard.demo.children import Child, Children
from durascope_dashboard.demo.dev_server import DevServer, free_port
from durascope_dashboard.exceptions import NotFound
from durascope_dashboard.lookup import read_run
from durascope_dashboard.reader import connect
from sample_workflows.model_server import ScriptedServer
from sample_workflows.scripts import RULES
from sample_workflows.traffic.worker_pool import polls

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 60.0
Run = dict[str, Any]


@dataclass
class Fleet:
    """A worker process with every role and one that shares its activities, a collector, and every script."""

    temporal: DevServer
    folder: Path
    task_queue: str = field(default_factory=lambda: f"samples-{uuid4().hex[:8]}")
    models: ScriptedServer = field(default_factory=lambda: ScriptedServer(rules=RULES))
    grpc_port: int = field(default_factory=free_port)
    http_port: int = field(default_factory=free_port)

    @property
    def server(self) -> str:
        """The collector's URL."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def environment(self) -> Mapping[str, str]:
        """What the child processes get."""
        return os.environ | {
            "TEMPORAL_ADDRESS": self.temporal.address,
            "OPENAI_BASE_URL": self.models.base_url,
            "OPENAI_API_KEY": "scripted",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.grpc_port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }

    async def client(self) -> Client:
        """A client of the dev server."""
        return await Client.connect(self.temporal.address)

    def observed(self, workflow_id: str, complete: Callable[[Run], bool], run_id: str | None = None) -> Run:
        """What ``durascope show --json`` prints of a run, once ``complete`` holds of it."""
        deadline, seen = time.monotonic() + DEADLINE_S, Run()
        reader = connect(self.server)
        try:
            while time.monotonic() < deadline:
                try:
                    seen = run_object(*read_run(reader, workflow_id, run_id))
                except NotFound:
                    pass  # not followed yet: asked again until the deadline
                if seen and complete(seen):
                    return seen
                time.sleep(0.1)
        finally:
            reader.close()
        raise AssertionError(f"not in {DEADLINE_S:.0f} s; last seen: {json.dumps(seen, indent=1)[:6000]}")

    def __enter__(self) -> Self:
        self.models.start()
        self.children = Children(self.folder)
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self) -> None:
        collect = [sys.executable, "-m", "durascope._main", "collect", "--store", str(self.folder / "store.duckdb")]
        collect += ["--otlp-grpc", f"127.0.0.1:{self.grpc_port}", "--otlp-http", f"127.0.0.1:{self.http_port}"]
        collector = self.children.start("collector", collect, self.environment, ROOT)
        work = [sys.executable, "-m", "sample_workflows.worker", "--task-queue", self.task_queue]
        colleague = [*work, "--role", "activity"]
        workers = [
            self.children.start("worker", work, self.environment, ROOT, wave=1),
            self.children.start("colleague", colleague, self.environment, ROOT, wave=1),
        ]
        self._wait(collector, self._collector_answers)
        for worker in workers:
            self._wait(worker, partial(polls, worker))

    def _wait(self, child: Child, ready: Callable[[], bool]) -> None:
        self.children.wait_ready(child, ready, DEADLINE_S, lambda: False)

    def _collector_answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.server}/healthz", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False  # not listening yet

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.children.stop()
        self.models.stop()
