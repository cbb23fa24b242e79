"""Debian's Prometheus on loopback with the configuration of compose.yaml: only targets and intervals are others."""

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from durascope_dashboard.demo.dev_server import free_port
from grafana.sample_fleet import answers, eventually

GRAFANA = Path(__file__).parents[2] / "grafana"


def configuration(targets: dict[str, str], folder: Path) -> Path:
    """grafana/stack/prometheus.yaml, scraping ``targets`` (job -> addresses, by commas) every second."""
    found = yaml.safe_load((GRAFANA / "stack" / "prometheus.yaml").read_text())
    found["global"] = {"scrape_interval": "1s", "evaluation_interval": "2s"}
    found["rule_files"] = [str(GRAFANA / "alerts" / "*.rules.yaml")]
    for job in found["scrape_configs"]:
        job["static_configs"] = [{"targets": targets[job["job_name"]].split(",")}]
    path = folder / "prometheus.yaml"
    path.write_text(yaml.safe_dump(found))
    return path


class Prometheus:
    """A running Prometheus; ``query`` and ``query_range`` raise AssertionError with its own words."""

    def __init__(self, targets: dict[str, str], folder: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._folder = folder
        self._config = configuration(targets, folder)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = [
            "prometheus", f"--config.file={self._config}", f"--storage.tsdb.path={self._folder / 'tsdb'}",
            f"--web.listen-address={self.url.removeprefix('http://')}", "--enable-feature=exemplar-storage",
            "--log.level=warn",
        ]  # fmt: skip
        with (self._folder / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        eventually(lambda: answers(f"{self.url}/-/ready"), "Prometheus ready")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(20)

    def get(self, path: str, **parameters: str) -> Any:
        """``data`` of the HTTP API's answer."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()[:500]}") from error

    def query(self, expr: str) -> list[dict[str, Any]]:
        """An instant vector."""
        found: list[dict[str, Any]] = self.get("query", query=expr)["result"]
        return found

    def query_range(self, expr: str, back_s: float = 60, step_s: float = 2) -> list[dict[str, Any]]:
        """A range of the last ``back_s`` seconds."""
        now = time.time()
        asked = {"query": expr, "start": str(now - back_s), "end": str(now), "step": str(step_s)}
        found: list[dict[str, Any]] = self.get("query_range", **asked)["result"]
        return found
