"""The follower in its thread: what the collector tells of it, and how soon readers see what changed."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowHandle

from durascope_dashboard.collector.ingest import Ingest
from durascope_dashboard.demo.dev_server import DevServer
from durascope_dashboard.exceptions import UsageError
from durascope_dashboard.temporal.connection import TemporalConfig
from durascope_dashboard.temporal.follower import Follower
from tests.collector.running import RunningCollector, until

OPEN, PROBES, BOUND_S = 20, 5, 2.0


class Broken:
    """A follower that ends as a group of tasks does."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def run(self) -> None:
        """Fail."""
        raise ExceptionGroup("unhandled errors in a TaskGroup", [ExceptionGroup("inner", [self._error])])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UsageError("the profile is not there; mend it"), "the profile is not there; mend it"),
        (KeyError("x"), "KeyError: 'x'; see the collector's log"),
    ],
)
def test_what_ended_a_follower_is_told_without_its_wrapping(tmp_path: Path, error: Exception, said: str) -> None:
    """A group of tasks has no reason of its own."""

    async def follow(_: Ingest) -> Broken:
        return Broken(error)

    with RunningCollector(tmp_path / "store.duckdb", follow=follow) as running:
        history = until(lambda: _down(running), "the end told")
    assert history == {"state": "down", "error": said}


def _down(running: RunningCollector) -> dict[str, Any] | None:
    history: dict[str, Any] = running.collector.health()["history"]
    return history if history["state"] == "down" else None


def _follow(server: DevServer) -> Callable[[Ingest], Awaitable[Follower]]:
    async def follow(ingest: Ingest) -> Follower:
        return Follower(TemporalConfig(server.address, ("default",)), ingest)

    return follow


@pytest.fixture
def following(temporal_server: DevServer, tmp_path: Path) -> Iterator[RunningCollector]:
    """A collector that follows at its usual pace."""
    with RunningCollector(tmp_path / "store.duckdb", follow=_follow(temporal_server)) as running:
        yield running


@pytest.mark.server
def test_health_tells_what_was_not_seen(following: RunningCollector) -> None:
    """Counts, not only a state: what is gone, unreadable or undecoded, and how often patience was asked for."""
    until(lambda: following.collector.health()["history"]["state"] == "running", "following")
    told = following.collector.health()["history"]
    assert set(told) == {"state", "lag_s", "open_runs", "gone", "unreadable", "throttled", "undecoded"}
    assert (told["gone"], told["unreadable"], told["throttled"], told["undecoded"]) == (0, 0, 0, 0)


@pytest.mark.server
def test_readers_see_a_change_within_two_seconds(temporal_server: DevServer, following: RunningCollector) -> None:
    """With runs open beside the one that changes. Three tries, for a machine that pauses between."""

    async def start() -> list[WorkflowHandle[Any, Any]]:
        client = await Client.connect(temporal_server.address)
        ids = [f"open-{uuid4().hex[:8]}" for _ in range(OPEN)]
        return [await client.start_workflow("Child", "wait", id=name, task_queue="nobody") for name in ids]

    async def measure() -> None:
        handles = await start()
        ids = [handle.id for handle in handles]
        await asyncio.to_thread(until, lambda: len(_statuses(following, ids)) == OPEN, "all open runs")
        for handle in handles[:PROBES]:
            tries = [await _seconds(following, handle)]
            while tries[-1] > BOUND_S and len(tries) < 3:
                handle = handles[PROBES + len(tries)]
                tries.append(await _seconds(following, handle))
            assert min(tries) < BOUND_S, tries
        await asyncio.gather(*(handle.terminate() for handle in handles[PROBES:]), return_exceptions=True)

    asyncio.run(measure())


async def _seconds(running: RunningCollector, handle: WorkflowHandle[Any, Any]) -> float:
    """From the end of a run to its being read as ended."""
    await handle.terminate()
    ended = time.monotonic()
    await asyncio.to_thread(until, lambda: _statuses(running, [handle.id]) == ["terminated"], "its end")
    return time.monotonic() - ended


def _statuses(running: RunningCollector, ids: list[str]) -> list[str]:
    statuses: list[str] = running.reader.query("runs", workflow_id=ids)["status"].to_pylist()
    return statuses
