"""Backfill against a plain SDK loop on the same server, in turns; and memory while a 50 MB history is read.

    python -m benchmarks.backfill [--runs 1000] [--rounds 5] [--no-memory]

The loop is what the SDK's documentation suggests, and then some: 16 ``fetch_history`` calls in flight whose results are
thrown away. `durascope backfill` reads the same runs, decodes them, joins them and commits them.
"""

import argparse
import asyncio
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from benchmarks.running import machine, report
from durascope_dashboard.demo.dev_server import DevServer

IN_FLIGHT = 16
BIG_PAYLOAD = 1_900_000
BIG_CALLS = 25  # with the sizes above just under Temporal's limit of 50 MB
_TURN = {"role": "user", "content": "What is the weather in Bern, and should one take an umbrella? " * 12}
_USAGE = {
    "requests": 1, "input_tokens": 1200, "output_tokens": 90, "total_tokens": 1290,
    "input_tokens_details": {"cached_tokens": 1024}, "output_tokens_details": {"reasoning_tokens": 0},
}  # fmt: skip


@activity.defn(name="invoke_model_activity")
async def model(asked: dict[str, Any]) -> dict[str, Any]:
    """As the Agents integration keeps it."""
    call = {"type": "function_call", "name": "get_weather", "arguments": "{}", "call_id": "c"}
    return {"output": [call], "usage": _USAGE, "response_id": f"resp_{len(str(asked))}"}


@activity.defn
async def get_weather(city: str) -> str:
    """Fails once in each run."""
    if activity.info().attempt == 1 and city == "Bern":
        raise RuntimeError("weather service unavailable")
    return "sunny"


@workflow.defn
class Agentic:
    """Three model calls whose conversation grows, two tools, one retry: 35 events."""

    @workflow.run
    async def run(self) -> None:
        """See the class."""
        conversation: list[dict[str, str]] = []
        policy = RetryPolicy(initial_interval=timedelta(milliseconds=1))
        for city in ("Bern", "Thun", None):
            conversation += [_TURN] * 3
            asked = {"model_name": "gpt-4.1-mini", "input": conversation}
            await workflow.execute_activity(
                "invoke_model_activity", asked, start_to_close_timeout=timedelta(seconds=60)
            )
            if city:
                await workflow.execute_activity(
                    get_weather, city, start_to_close_timeout=timedelta(seconds=60), retry_policy=policy
                )


@workflow.defn
class Big:
    """A conversation with documents in it."""

    @workflow.run
    async def run(self, calls: int) -> None:
        """See the class."""
        for _ in range(calls):
            asked = {"model_name": "gpt-4.1", "input": "x" * BIG_PAYLOAD}
            await workflow.execute_activity(
                "invoke_model_activity", asked, start_to_close_timeout=timedelta(seconds=60)
            )


async def make(address: str, runs: int, big: int) -> None:
    """Run ``runs`` agentic workflows and ``big`` big ones to their end."""
    client = await Client.connect(address)
    queue = f"bench-{uuid4().hex[:8]}"
    limit = asyncio.Semaphore(40)

    async def one(name: str, *args: Any) -> None:
        async with limit:
            await client.execute_workflow(name, args=args, id=f"{name}-{uuid4().hex}", task_queue=queue)

    worker = Worker(
        client,
        task_queue=queue,
        workflows=[Agentic, Big],
        activities=[model, get_weather],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=200,
    )
    async with worker:
        await asyncio.gather(*(one("Agentic") for _ in range(runs)), *(one("Big", BIG_CALLS) for _ in range(big)))
    while (await client.count_workflows("CloseTime IS NOT NULL")).count < runs + big:  # noqa: ASYNC110 - no event tells
        await asyncio.sleep(0.1)


async def sdk_loop(address: str, query: str) -> int:
    """Fetch every history, 16 at a time, and throw it away; how many."""
    client = await Client.connect(address)
    limit = asyncio.Semaphore(IN_FLIGHT)
    count = 0

    async def one(workflow_id: str, run_id: str) -> None:
        nonlocal count
        async with limit:
            await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
            count += 1

    async with asyncio.TaskGroup() as group:
        async for found in client.list_workflows(query):
            group.create_task(one(found.id, found.run_id))
    return count


CHILD = """
import asyncio, resource, sys, time
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begun = time.perf_counter()
{body}
took = time.perf_counter() - begun
usage = resource.getrusage(resource.RUSAGE_SELF)
print("RESULT", took, usage.ru_maxrss, before, usage.ru_utime + usage.ru_stime)
"""
SDK = """
from benchmarks.backfill import sdk_loop
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begun = time.perf_counter()
asyncio.run(sdk_loop(sys.argv[1], sys.argv[2]))
"""
OURS = """
from pathlib import Path
from durascope_dashboard.temporal.backfill import run_backfill
from durascope_dashboard.temporal.connection import TemporalConfig
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begun = time.perf_counter()
run_backfill(Path(sys.argv[3]), TemporalConfig(sys.argv[1]), query=sys.argv[2])
"""


def child(body: str, *arguments: str) -> dict[str, float]:
    """Run in a process of its own; seconds without imports, peak MB above that, CPU seconds."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(body=body), *arguments], check=True, capture_output=True, text=True
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))
    took, peak, before, cpu = map(float, line.split()[1:])
    return {"s": took, "peak_mb": peak / 1024, "grown_mb": (peak - before) / 1024, "cpu_s": cpu}


def rates(address: str, runs: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Both in turns; medians and the median of the ratios."""
    query = "WorkflowType = 'Agentic'"
    sdk, ours = [], []
    for number in range(rounds):
        sdk.append(child(SDK, address, query))
        ours.append(child(OURS, address, query, str(folder / f"{number}.duckdb")))
    return {
        "runs": runs,
        "sdk_runs_per_s": _median(runs / one["s"] for one in sdk),
        "backfill_runs_per_s": _median(runs / one["s"] for one in ours),
        "ratio": _median(a["s"] / b["s"] for a, b in zip(sdk, ours, strict=True)),
        "ratios": [round(a["s"] / b["s"], 3) for a, b in zip(sdk, ours, strict=True)],
        "sdk_client_cpu_s": _median(one["cpu_s"] for one in sdk),
        "backfill_client_cpu_s": _median(one["cpu_s"] for one in ours),
        "backfill_peak_mb": _median(one["peak_mb"] for one in ours),
    }


def memory(address: str, folder: Path) -> dict[str, Any]:
    """Peak growth while the big history is read."""
    query = "WorkflowType = 'Big'"
    sdk = child(SDK, address, query)
    ours = child(OURS, address, query, str(folder / "big.duckdb"))
    small = child(OURS, address, "WorkflowType = 'Agentic' AND ExecutionDuration > '1000h'", str(folder / "no.duckdb"))
    return {
        "history_mb": BIG_PAYLOAD * BIG_CALLS / 1e6,
        "sdk_grown_mb": round(sdk["grown_mb"], 1),
        "backfill_grown_mb": round(ours["grown_mb"], 1),
        "backfill_of_nothing_grown_mb": round(small["grown_mb"], 1),
        "backfill_s": round(ours["s"], 2),
    }


def _median(values: Iterable[float]) -> float:
    return round(statistics.median(values), 3)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--keep", action="store_true", help="write benchmarks/results/backfill.json")
    parser.add_argument("--address", help="a server that has the runs already")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = DevServer(db=folder / "temporal.db")
        address = options.address
        if not address:
            server.start()
            address = server.address
            begun = time.monotonic()
            asyncio.run(make(address, options.runs, 0 if options.no_memory else 1))
            print(f"made the runs in {time.monotonic() - begun:.0f} s", file=sys.stderr)
        try:
            found: dict[str, Any] = {"machine": machine(), **rates(address, options.runs, options.rounds, folder)}
            if not options.no_memory:
                found["memory"] = memory(address, folder)
        finally:
            server.stop()
    report("backfill", found, keep=options.keep)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
