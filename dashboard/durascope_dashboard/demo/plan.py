"""What the demo runs: commands and environments as data, so that starting them is all that is left to do."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from durascope_dashboard.demo.errors import DemoError
from durascope_dashboard.demo.ports import Ports

TASK_QUEUE = "durascope-samples"
DURASCOPE = (sys.executable, "-m", "durascope._main")
# Two workers share the activities of the general queue; the scaling sample's roles have queues of their own.
WORKERS = (
    ("worker-workflows", "workflow"),
    ("worker-tools-1", "activity"),
    ("worker-tools-2", "activity"),
    ("worker-roles", "planner,writer,tools"),
    ("worker-searcher", "searcher"),
)
WORKER = "sample_workflows.worker"
TRAFFIC = "traffic"
SCHEDULE_S = 30  # a run of the daily log
MIX = "all,account=4,booking=2,observable=2"  # so that somebody is always waited for, and something always retries


@dataclass(frozen=True, slots=True)
class Plan:
    """One demo: where it keeps its state, its ports, and whether models are real."""

    repository: Path
    directory: Path
    ports: Ports
    live: bool = False
    seed: int = 0
    rate: float = 0.5  # runs started a second

    @property
    def store(self) -> Path:
        """The collector's database file."""
        return self.directory / "durascope.duckdb"

    @property
    def collector_url(self) -> str:
        """Read API and OTLP over HTTP."""
        return f"http://127.0.0.1:{self.ports.otlp_http}"

    @property
    def dashboard_url(self) -> str:
        """The page to open."""
        return f"http://127.0.0.1:{self.ports.dashboard}"

    @property
    def temporal_ui_url(self) -> str:
        """Temporal's own page."""
        return f"http://127.0.0.1:{self.ports.temporal_ui}"

    def environment(self, given: Mapping[str, str] | None = None) -> dict[str, str]:
        """The children's environment, without settings that point elsewhere (a cloud namespace, a collector)."""
        base = {
            name: value
            for name, value in (os.environ if given is None else given).items()
            if not name.startswith(("TEMPORAL_", "OTEL_", "DURASCOPE_", "STREAMLIT_"))
        }
        base |= {
            "TEMPORAL_ADDRESS": f"127.0.0.1:{self.ports.temporal}",
            "TEMPORAL_NAMESPACE": "default",
            "TEMPORAL_CONFIG_FILE": os.devnull,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.ports.otlp_grpc}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "DURASCOPE_SERVER": self.collector_url,
            "DURASCOPE_TEMPORAL_UI": self.temporal_ui_url,
            "PYTHONUNBUFFERED": "1",
        }
        if not self.live:
            base |= {"OPENAI_BASE_URL": f"http://127.0.0.1:{self.ports.models}/v1", "OPENAI_API_KEY": "scripted"}
        return base

    def models_command(self) -> list[str]:
        """The scripted model server."""
        return [*_module("sample_workflows.model_server"), "--port", str(self.ports.models), "--seed", str(self.seed)]

    def collector_command(self) -> list[str]:
        """`durascope collect`."""
        grpc, http = f"127.0.0.1:{self.ports.otlp_grpc}", f"127.0.0.1:{self.ports.otlp_http}"
        return [*DURASCOPE, "collect", "--store", str(self.store), "--otlp-grpc", grpc, "--otlp-http", http]

    def crew_command(self, logs: Path) -> list[str]:
        """The sample workers and the trickle of runs; their logs are ``logs``/name.log."""
        common = ["--task-queue", TASK_QUEUE]
        work = {name: [WORKER, *common, "--role", role, "--flaky", "0.25"] for name, role in WORKERS}
        rate = self.rate / 5 if self.live else self.rate
        options = ["--rate", str(rate), "--seed", str(self.seed), "--schedule", str(SCHEDULE_S), "--mix", MIX]
        programs = work | {TRAFFIC: ["sample_workflows.traffic.__main__", *common, *options]}
        return [*_module("sample_workflows.crew"), str(logs), json.dumps(programs)]

    def dashboard_command(self) -> list[str]:
        """`durascope dashboard`, without opening a browser."""
        return [*DURASCOPE, "dashboard", "--server", self.collector_url, "--port", str(self.ports.dashboard)]


def _module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name)


def find_repository() -> Path:
    """The clone that holds sample_workflows. Raises DemoError when the package was installed without it."""
    for candidate in (Path.cwd(), Path(__file__).resolve().parents[3]):
        if (candidate / "sample_workflows" / "worker.py").is_file():
            return candidate
    raise DemoError(
        "the sample workflows are not part of the installed package; run `make demo` in a clone of the repository"
    )
