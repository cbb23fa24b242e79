"""The whole of Durascope on one machine, as separate processes: what a user would start, started for a test.

with Stack(tmp_path) as stack:
    with stack.worker():
        ...run a workflow...
    shown = stack.show(workflow_id)
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from durascope_dashboard.demo.dev_server import DevServer, free_port
from sample_workflows.model_server import Rule, ScriptedServer

DEADLINE_S = 45.0
ROOT = Path(__file__).resolve().parents[2]


def eventually(check: Callable[[], Any], what: str, timeout: float = DEADLINE_S) -> Any:
    """The first true value of ``check``; fails with ``what`` when there is none in time."""
    deadline = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        assert time.monotonic() < deadline, f"not in {timeout:.0f} s: {what}; last seen: {value!r}"
        time.sleep(0.1)


class Stack:
    """A dev server (given), a scripted model server, a collector process and worker processes."""

    def __init__(self, folder: Path, temporal: DevServer, rules: Sequence[Rule]) -> None:
        self.folder = folder
        self.temporal = temporal
        self.store = folder / "store.duckdb"
        self.truth = folder / "truth.jsonl"
        self.task_queue = f"truth-{folder.parent.name}-{folder.name}"
        self.http = free_port()
        self.model = ScriptedServer(rules=rules)
        self._collector: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What every child process gets: addresses by the standard variables."""
        return os.environ | {
            "TEMPORAL_ADDRESS": self.temporal.address,
            "OPENAI_BASE_URL": self.model.base_url,
            "OPENAI_API_KEY": "scripted",
            "OPENAI_AGENTS_DISABLE_TRACING": "0",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.http}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "DURASCOPE_SERVER": f"http://127.0.0.1:{self.http}",
            "DURASCOPE_STORE": str(self.store),
            "PYTHONWARNINGS": "default",
        }

    def start_collector(self) -> None:
        """Start ``durascope collect`` and wait until it is ready."""
        command = [sys.executable, "-m", "durascope._main", "collect", "--store", str(self.store)]
        command += ["--otlp-http", f"127.0.0.1:{self.http}", "--otlp-grpc", f"127.0.0.1:{free_port()}"]
        with (self.folder / "collector.log").open("ab") as log:
            self._collector = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, cwd=ROOT)
        eventually(self._ready, f"collector ready; its log: {self.folder / 'collector.log'}")

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/healthz", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop_collector(self) -> int:
        """SIGTERM it; its exit code."""
        if self._collector is None:
            return 0
        self._collector.send_signal(signal.SIGTERM)
        code = self._collector.wait(20)
        self._collector = None
        return code

    @contextmanager
    def worker(self, *, plugin: bool = True) -> Iterator[subprocess.Popen[bytes]]:
        """A worker process; ended by SIGTERM unless it was killed before."""
        command = [sys.executable, "-m", "tests.end_to_end.truth_worker"]
        command += [self.temporal.address, self.task_queue, str(self.truth)]
        command += [] if plugin else ["--no-plugin"]
        with (self.folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, cwd=ROOT)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(20)

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``durascope ...`` to its end."""
        command = [sys.executable, "-m", "durascope._main", *arguments]
        return subprocess.run(command, env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=60)

    def show(self, workflow_id: str) -> dict[str, Any]:
        """What ``durascope show --json`` says; an empty dict while it does not know the run."""
        done = self.cli("show", workflow_id, "--json")
        return json.loads(done.stdout) if done.stdout.strip().startswith("{") else {}

    def shown_when(self, workflow_id: str, check: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """``show`` until ``check`` holds."""
        seen: dict[str, Any] = {}

        def good() -> bool:
            seen.clear()
            seen.update(self.show(workflow_id))
            return bool(seen) and check(seen)

        eventually(good, f"{what}: {json.dumps(seen)[:3000]}")
        return seen

    def truth_of(self, run_id: str) -> dict[int, tuple[float, float]]:
        """attempt -> (start, end) in Unix seconds, as the activity itself wrote."""
        times: dict[int, list[float]] = {}
        for line in self.truth.read_text().splitlines():
            entry = json.loads(line)
            if entry["run_id"] == run_id:
                times.setdefault(entry["attempt"], []).append(entry["time"])
        return {attempt: (start, end) for attempt, (start, end) in times.items()}

    def __enter__(self) -> Self:
        self.model.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._collector is not None and self._collector.poll() is None:
            self._collector.terminate()
            self._collector.wait(20)
        self.model.stop()
