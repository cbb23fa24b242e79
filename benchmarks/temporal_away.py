"""A Temporal server that is stopped for some seconds and started again, while runs go on and are followed.

    python -m benchmarks.temporal_away [--seconds 4] [--rate 10] [--keep]

Its state is in a file, so it comes back with every run. Then the collector's runs are counted against Temporal's own.
"""

import argparse
import asyncio
import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from temporalio.client import Client
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from benchmarks.backfill import Agentic, get_weather, model
from benchmarks.running import machine, report
from benchmarks.visibility import start_collector
from durascope_dashboard.demo.dev_server import DevServer
from durascope_dashboard.remote_reader import RemoteReader

TRAFFIC_S: Final = 4.0  # before, and after
BOUND_S: Final = 60.0
IN_STEP_S: Final = 2.0  # a lag below that is none


async def traffic(client: Client, queue: str, rate: float, done: asyncio.Event) -> int:
    """Start runs until ``done``; how many the server took."""
    started = 0
    while not done.is_set():
        try:
            await client.start_workflow("Agentic", id=f"away-{uuid4().hex}", task_queue=queue)
            started += 1
        except RPCError:
            await asyncio.sleep(0.2)
        await asyncio.sleep(1 / rate)
    return started


async def until(holds: Callable[[], bool], what: str) -> float:
    """Seconds until it does."""
    begun = time.monotonic()
    while not await asyncio.to_thread(holds):
        if time.monotonic() - begun > BOUND_S:
            raise RuntimeError(f"not within {BOUND_S:.0f} s: {what}")
        await asyncio.sleep(0.05)
    return time.monotonic() - begun


async def measure(server: DevServer, reader: RemoteReader, seconds: float, rate: float) -> dict[str, Any]:
    """What happened to the runs, and how long the follower took to be in step again."""

    def history() -> dict[str, Any]:
        told: dict[str, Any] = reader.health()["history"]
        return told

    def in_step() -> bool:
        told = history()
        return bool(told["state"] == "running" and told["lag_s"] < IN_STEP_S)

    quiet = Runtime(telemetry=TelemetryConfig(logging=None))  # a worker says much about a server that is away
    client, queue, done = await Client.connect(server.address, runtime=quiet), "away", asyncio.Event()
    worker = Worker(
        client, task_queue=queue, workflows=[Agentic], activities=[model, get_weather],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )  # fmt: skip
    async with worker:
        starting = asyncio.create_task(traffic(client, queue, rate, done))
        await asyncio.sleep(TRAFFIC_S)
        await asyncio.to_thread(server.stop)
        await asyncio.sleep(seconds)
        told_away = history()
        await asyncio.to_thread(server.start)
        in_step_s = await until(in_step, "the follower in step")
        await asyncio.sleep(TRAFFIC_S)
        done.set()
        started = await starting
        while (await client.count_workflows("ExecutionStatus = 'Running'")).count:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.1)
        closed = {run.run_id async for run in client.list_workflows("CloseTime IS NOT NULL")}

        def seen() -> set[str]:
            rows = reader.query("runs", status=["completed"], limit=10_000)
            return set(rows["run_id"].to_pylist())

        all_seen_s = await until(lambda: closed <= seen(), "every run seen") if closed else 0.0
        return {
            "away_s": seconds, "told_while_away": {name: told_away[name] for name in ("state", "error")},
            "in_step_after_s": round(in_step_s, 2), "runs_started": started, "runs_closed": len(closed),
            "all_seen_after_the_last_closed_s": round(all_seen_s, 2), "runs_missed": len(closed - seen()),
            **{name: history()[name] for name in ("gone", "unreadable", "throttled")},
        }  # fmt: skip


def temporal_away(folder: Path, seconds: float = 4.0, rate: float = 10.0) -> dict[str, Any]:
    """Server, collector and worker, stopped at the end."""
    logging.getLogger("temporalio.activity").setLevel(logging.CRITICAL)  # one failure in every run is wanted
    with DevServer(db=folder / "temporal.db") as server:
        collector, url = start_collector(folder, server.address)
        reader = RemoteReader(url)
        try:
            return asyncio.run(measure(server, reader, seconds, rate))
        finally:
            reader.close()
            collector.terminate()
            collector.wait(20)


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rate", type=float, default=10.0, help="runs started a second")
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = {"machine": machine(), **temporal_away(Path(name), given.seconds, given.rate)}
    report("temporal_away", found, keep=given.keep)


if __name__ == "__main__":
    main()
