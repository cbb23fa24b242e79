"""Worker processes by role, and the chaos that kills one with SIGKILL now and then and starts it again."""

import asyncio
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

from durascope_dashboard.demo.children import Child, Children

READY_TIMEOUT_S = 60.0
# Two for tools and models, so that a killed worker's colleague takes over; one for each role of the scaling sample.
DEFAULT_ROLES = ("workflow", "activity", "activity", "planner,writer,tools", "searcher")


@dataclass
class WorkerPool:
    """One process for each entry of ``roles``; entries may repeat. A context manager: no process is left."""

    folder: Path
    environment: Mapping[str, str]
    task_queue: str
    roles: Sequence[str] = DEFAULT_ROLES
    options: Sequence[str] = ()
    kills: list[str] = field(default_factory=list)
    _children: Children = field(init=False)
    _places: dict[int, tuple[str, Child]] = field(default_factory=dict)
    _starts: int = 0

    def __post_init__(self) -> None:
        self._children = Children(self.folder)

    def start(self) -> None:
        """Start all and wait until each polls. Raises DemoError naming one that does not."""
        for place, role in enumerate(self.roles):
            self._start(place, role)
        for _, child in self._places.values():
            self._children.wait_ready(child, partial(polls, child), READY_TIMEOUT_S, lambda: False)

    def _start(self, place: int, role: str) -> None:
        self._starts += 1
        name = f"worker-{role.split(',')[0]}-{place}"
        command = [sys.executable, "-m", "sample_workflows.worker", "--task-queue", self.task_queue]
        command += ["--role", role, *self.options]
        environment = dict(self.environment) | {"OTEL_SERVICE_NAME": name}
        child = self._children.start(f"{name}.{self._starts}", command, environment, Path.cwd(), wave=1)
        self._places[place] = (role, child)

    def kill_one(self, random: Random) -> str:
        """SIGKILL one that polls and start another in its place; its role."""
        ready = [place for place, (_, child) in self._places.items() if polls(child)]
        if not ready:
            return ""
        place = random.choice(ready)
        role, child = self._places[place]
        child.signal(signal.SIGKILL)
        child.process.wait()
        self._children.running.remove(child)
        self.kills.append(role)
        self._start(place, role)
        return role

    async def chaos(self, every: float, random: Random) -> None:
        """Kill one each ``every`` seconds on average, until cancelled."""
        while True:
            await asyncio.sleep(random.uniform(0.5, 1.5) * every)
            self.kill_one(random)

    def stop(self) -> None:
        """End all of them."""
        self._children.stop()


def polls(child: Child) -> bool:
    """Whether this worker has come so far as to poll its task queue."""
    return child.alive and b" polls " in child.log.read_bytes()
