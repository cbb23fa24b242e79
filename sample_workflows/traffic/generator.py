"""The open loop: when each run starts is drawn beforehand, so slow workers never slow the arrivals down."""

import asyncio
import time
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from sample_workflows.traffic.session import Session
from sample_workflows.traffic.starters import STARTERS


@dataclass(frozen=True)
class Arrival:
    """``at`` in seconds from the beginning; ``random`` decides all that varies within the run."""

    number: int
    sample: str
    at: float
    random: Random


def arrivals(rate: float, mix: Mapping[str, float], seed: int) -> Iterator[Arrival]:
    """Poisson arrivals, ``rate`` a second; the first at once. The same seed gives the same ones."""
    random, at, number = Random(seed), 0.0, 0
    while True:
        [sample] = random.choices(list(mix), list(mix.values()))
        yield Arrival(number, sample, at, Random(f"{seed}/{number}"))
        at += random.expovariate(rate)
        number += 1


@dataclass
class Generator:
    """Starts runs and looks after the people in them. ``started`` maps workflow ids to samples."""

    session: Session
    prefix: str
    started: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    late_s: float = 0.0  # the furthest that a start fell behind its time
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def generate(
        self, arriving: Iterator[Arrival], done: asyncio.Event, seconds: float | None, limit: int | None = None
    ) -> None:
        """Start what arrives until ``done`` is set, ``seconds`` have passed or ``limit`` runs have started."""
        began = time.monotonic()
        for arrival in arriving:
            if (seconds is not None and arrival.at > seconds) or (limit is not None and arrival.number >= limit):
                return
            wait = began + arrival.at - time.monotonic()
            if await _set_within(done, wait):
                return
            self.late_s = max(self.late_s, -wait)
            self._spawn(self._run(arrival))

    async def drain(self, done: asyncio.Event, seconds: float) -> None:
        """Let the people finish what they do, for so long at most."""
        deadline = time.monotonic() + seconds
        while self._tasks and time.monotonic() < deadline and not done.is_set():
            await asyncio.wait(self._tasks, timeout=0.2)
        for task in self._tasks:
            task.remove_done_callback(self._finished)  # cut short on purpose: no error
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.errors.append(f"{type(error).__name__}: {error}")

    async def _run(self, arrival: Arrival) -> None:
        workflow_id = f"{arrival.sample}-{self.prefix}-{arrival.number:04d}"
        started = await STARTERS[arrival.sample](self.session, workflow_id, arrival.number, arrival.random)
        self.started[workflow_id] = arrival.sample
        if started.meanwhile is not None:
            await started.meanwhile


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    if seconds <= 0:
        await asyncio.sleep(0)  # arrivals that are due together still let their starts run
        return event.is_set()
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False  # the pause between two arrivals is over
    return True
