"""`durascope up`: the collector and the dashboard together, over a Temporal server that is already there.

Two child processes, watched; when one ends, or on Ctrl-C, both are stopped by pid, the dashboard before the collector.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from durascope_dashboard import launch
from durascope_dashboard.collector.listening import parse_address
from durascope_dashboard.demo.children import Children, answers
from durascope_dashboard.demo.dev_server import port_in_use
from durascope_dashboard.exceptions import CollectorError, PortInUse

DURASCOPE = (sys.executable, "-m", "durascope._main")
READY_TIMEOUT_S = 60.0
WATCH_S = 0.25


@dataclass
class Up:
    """What runs: ``collect`` is the argument list of `durascope collect`, ``otlp_http`` its HOST:PORT for readers."""

    collect: Sequence[str]
    otlp_http: str
    port: int
    logs: Path
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, say: Callable[[str], None]) -> int:
        """Start both, say where, watch until stopped. Raises PortInUse, UsageError, CollectorError."""
        host, http_port = parse_address(self.otlp_http, 4318)
        for port, what in ((http_port, "the collector"), (self.port, "the dashboard")):
            if port_in_use(port):
                raise PortInUse(f"port {port} for {what} is in use; stop what listens there or name another port")
        host = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # where one listens is not where one asks
        server = f"http://[{host}]:{http_port}" if ":" in host else f"http://{host}:{http_port}"
        children = Children(self.logs)
        try:
            self._start(children, "collector", [*DURASCOPE, "collect", *self.collect], f"{server}/healthz", 0, say)
            page = f"http://127.0.0.1:{self.port}"
            self._start(children, "dashboard", launch.command(self.port), f"{page}/_stcore/health", 1, say, server)
            if not self.stop.is_set():
                say(f"\nDashboard  {page}\nOTLP       {server} (HTTP)\nLogs       {self.logs}\nCtrl-C stops both.")
            while not self.stop.wait(WATCH_S):
                if (dead := children.dead()) is not None:
                    code = dead.process.returncode
                    raise CollectorError(
                        f"the {dead.name} ended with exit code {code}: {dead.last_words()} (log: {dead.log})"
                    )
            return 0
        finally:
            children.stop()
            say("stopped; nothing is left running")

    def _start(
        self, children: Children, name: str, command: list[str], health: str, wave: int,
        say: Callable[[str], None], server: str | None = None,
    ) -> None:  # fmt: skip
        if self.stop.is_set():
            return
        say(f"  {name} ...")
        environment = os.environ | launch.environment(server, None)
        child = children.start(name, command, environment, Path.cwd(), wave)
        children.wait_ready(child, lambda: answers(health), READY_TIMEOUT_S, self.stop.is_set)

    def on_signal(self, number: int, frame: Any) -> None:
        """A signal handler that ends the watch."""
        self.stop.set()


def run_up(collect: Sequence[str], otlp_http: str, port: int, logs: Path) -> int:
    """Run until SIGINT, SIGTERM or SIGHUP. The exit code is 0; a part that dies raises CollectorError."""
    up = Up(collect, otlp_http, port, logs)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, up.on_signal)
    return up.run(_say)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
