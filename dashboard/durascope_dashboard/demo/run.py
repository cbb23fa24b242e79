"""`durascope demo`: starts everything in order, says so, watches it, and stops all of it by pid."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from durascope_dashboard.demo.children import Child, Children, answers
from durascope_dashboard.demo.dev_server import DevServer, DevServerError, port_in_use
from durascope_dashboard.demo.errors import DemoError
from durascope_dashboard.demo.plan import TRAFFIC, WORKERS, Plan, find_repository
from durascope_dashboard.demo.ports import Ports
from durascope_dashboard.demo.summary import read_runs, summarise

READY_TIMEOUT_S = 90.0
WATCH_S = 0.25
SERVERS = ("model server", "collector")  # stopped last: the others talk to them until their end
Say = Callable[[str], None]


def run_demo(
    *,
    seconds: float | None = None,
    live: bool = False,
    ports: Ports | None = None,
    directory: Path | None = None,
    seed: int = 0,
    rate: float = 0.5,
    say: Say | None = None,
) -> int:
    """Run the demo until Ctrl-C, or for ``seconds`` and then print a summary. The exit code: 0, or 1 if a part died.

    Raises DemoError in one sentence when something is missing, a port is in use or a part does not start.
    """
    if live and not os.environ.get("OPENAI_API_KEY"):
        raise DemoError("--live needs OPENAI_API_KEY in the environment; without --live the models are scripted")
    repository = find_repository()
    ports = ports or Ports()
    ports.require_free()
    plan = Plan(repository, directory or repository / ".demo", ports, live=live, seed=seed, rate=rate)
    demo = Demo(plan, say or _say)
    with demo.signals():
        return demo.run(seconds)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@dataclass(frozen=True)
class Part:
    """One process of the demo: what to run, and how to see that it is ready."""

    name: str
    command: list[str]
    ready: Callable[[Child], bool]


@dataclass
class Demo:
    """One demo in progress."""

    plan: Plan
    say: Say
    children: Children = field(init=False)
    temporal: DevServer = field(init=False)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        logs = self.plan.directory / "logs"
        self.children = Children(logs)
        self.temporal = DevServer(
            port=self.plan.ports.temporal,
            ui_port=self.plan.ports.temporal_ui,
            db=self.plan.directory / "temporal.db",
            log=logs / "temporal.log",
        )

    def run(self, seconds: float | None) -> int:
        """Start, watch, sum up, stop. Nothing that was started is left, whatever happens."""
        try:
            self._start()
            if self._stop.is_set():
                return 0
            self._announce(seconds)
            self._watch(seconds)
            if seconds is not None and not self._stop.is_set():
                self.say(summarise(read_runs(self.plan)))
            return 0
        finally:
            self.say("stopping ...")
            self.children.stop()
            self.temporal.stop()
            self.say("stopped; nothing is left running")

    @contextmanager
    def signals(self) -> Iterator[None]:
        """SIGINT, SIGTERM and SIGHUP stop the demo in order; a second one while stopping changes nothing."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: Any) -> None:
        self._stop.set()

    def _start(self) -> None:
        began = time.monotonic()
        self.children.directory.mkdir(parents=True, exist_ok=True)
        self.say("starting: Temporal dev server")
        self._start_temporal()
        parts = self._parts()
        for log in self._crew_says():
            log.unlink(missing_ok=True)  # what it said the last time is not news
        if not self._stop.is_set():
            self.say(f"  Temporal dev server is ready ({time.monotonic() - began:.1f} s)")
            self.say(f"starting: {', '.join(part.name for part in parts)}")
        # All at once: most of the time goes into imports, and they need each other only when they work.
        started = [(part, self._spawn(part)) for part in parts if not self._stop.is_set()]
        for part, child in started:
            self.children.wait_ready(child, partial(part.ready, child), READY_TIMEOUT_S, self._stop.is_set)
            if not self._stop.is_set():
                where = f": {self.plan.dashboard_url}" if part.name == "dashboard" else ""
                self.say(f"  {part.name} is ready ({time.monotonic() - began:.1f} s){where}")

    def _start_temporal(self) -> None:
        try:
            self.temporal.start()
        except DevServerError as error:
            raise DemoError(str(error)) from error

    def _parts(self) -> list[Part]:
        plan = self.plan
        models = Part("model server", plan.models_command(), lambda child: port_in_use(plan.ports.models))
        health = f"{plan.collector_url}/healthz", f"{plan.dashboard_url}/_stcore/health"
        return [
            *([] if plan.live else [models]),
            Part("collector", plan.collector_command(), lambda child: answers(health[0])),
            Part("dashboard", plan.dashboard_command(), lambda child: answers(health[1])),
            Part("sample worker crew", plan.crew_command(self.children.directory), self._at_work),
        ]

    def _at_work(self, child: Child) -> bool:
        return all(log.exists() and words in log.read_bytes() for log, words in self._crew_says().items())

    def _crew_says(self) -> dict[Path, bytes]:
        said = {name: b" polls " for name, _ in WORKERS} | {TRAFFIC: b"traffic for "}
        return {self.children.directory / f"{name}.log": words for name, words in said.items()}

    def _spawn(self, part: Part) -> Child:
        environment = self.plan.environment() | {"OTEL_SERVICE_NAME": part.name}
        wave = 0 if part.name in SERVERS else 1
        name = part.name.replace(" ", "-")
        return self.children.start(name, part.command, environment, self.plan.repository, wave)

    def _announce(self, seconds: float | None) -> None:
        self.say("")
        self.say(f"Dashboard    {self.plan.dashboard_url}")
        self.say(f"Temporal UI  {self.plan.temporal_ui_url}")
        self.say(f"State, logs  {self.plan.directory}")
        self.say("Ctrl-C stops everything." if seconds is None else f"Ends by itself in {seconds:g} s; Ctrl-C sooner.")

    def _watch(self, seconds: float | None) -> None:
        deadline = None if seconds is None else time.monotonic() + seconds
        while not self._stop.wait(WATCH_S):
            if (dead := self.children.dead()) is not None:
                raise DemoError(
                    f"the {dead.name} ended with exit code {dead.process.returncode}: {dead.last_words()} "
                    f"(log: {dead.log})"
                )
            if deadline is not None and time.monotonic() > deadline:
                return
