"""Child processes of the demo: each in its own session with its own log, stopped by pid, in waves."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from durascope_dashboard.demo.errors import DemoError

STOP_TIMEOUT_S = 8.0
POLL_S = 0.05


@dataclass
class Child:
    """One process. It leads its own session, so a Ctrl-C in the terminal reaches only the demo itself."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    wave: int = 0

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def last_words(self) -> str:
        """The last line of its log, for an error message."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "its log is empty"

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and to whatever it started itself."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass  # it has ended by itself

    def reap(self, deadline: float) -> None:
        """Wait until it has ended; SIGKILL after the deadline (monotonic seconds)."""
        try:
            self.process.wait(max(deadline - time.monotonic(), 0.05))
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.process.wait()
        self.signal(signal.SIGKILL)  # grandchildren that outlived it


@dataclass
class Children:
    """All of them. A higher wave is stopped before a lower one: workers flush to a collector that still listens."""

    directory: Path
    stop_timeout: float = STOP_TIMEOUT_S
    running: list[Child] = field(default_factory=list)

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        working_directory: Path,
        wave: int = 0,
    ) -> Child:
        """Start one. Raises DemoError if the command does not exist."""
        self.directory.mkdir(parents=True, exist_ok=True)
        log = self.directory / f"{name}.log"
        with log.open("wb") as output:
            try:
                process = subprocess.Popen(
                    list(command),
                    env=dict(environment),
                    cwd=working_directory,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise DemoError(f"the {name} could not be started: {error.strerror} ({command[0]})") from error
        child = Child(name, process, log, wave)
        self.running.append(child)
        return child

    def wait_ready(self, child: Child, ready: Callable[[], bool], timeout: float, stopped: Callable[[], bool]) -> None:
        """Poll until ``ready()``. Raises DemoError when the child ends first or takes too long."""
        deadline = time.monotonic() + timeout
        while not ready():
            if stopped():
                return
            if not child.alive:
                raise DemoError(
                    f"the {child.name} ended at once with exit code {child.process.returncode}: {child.last_words()} "
                    f"(log: {child.log})"
                )
            if time.monotonic() > deadline:
                raise DemoError(f"the {child.name} was not ready after {timeout:.0f} s; its log is {child.log}")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End all, wave by wave: SIGTERM, a shared deadline, then SIGKILL. Returns when none is left."""
        for wave in sorted({child.wave for child in self.running}, reverse=True):
            children = [child for child in self.running if child.wave == wave]
            for child in children:
                child.signal(signal.SIGTERM)
            deadline = time.monotonic() + self.stop_timeout
            for child in children:
                child.reap(deadline)
        self.running.clear()

    def dead(self) -> Child | None:
        """One that ended although nobody stopped it."""
        return next((child for child in self.running if not child.alive), None)


def answers(url: str) -> bool:
    """Whether a GET of a health address answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False  # not up yet: polled until the deadline
