"""Backfill against a plain SDK loop on the same server, in turns; and memory while a 50 MB history is read.

    python -m benchmarks.backfill [--runs 600] [--repeat 20] [--rounds 5] [--delay-ms 10] [--no-memory]

The loop is the fastest that one would write with the SDK: 16 ``fetch_history`` calls in flight whose results are thrown
away. The backfill reads the same runs, decodes them, joins them and commits them. A server takes minutes to make the
runs, so each is read ``--repeat`` times; every reading is stored as a run of its own.

Twice: from the dev server, which takes most of a small machine's cores for itself (``beside``), and from its remembered
answers, each ``--delay-ms`` later, as from a server that has its own cores (``away``, see benchmarks/far_server.py).
"""

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.client import Client
from temporalio.common import RawValue, RetryPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from benchmarks.far_server import far_server
from benchmarks.running import machine, report
from durascope.history import HistoryReader
from durascope_dashboard.demo.dev_server import DevServer
from durascope_dashboard.temporal.backfill import Backfill, quick_loop
from durascope_dashboard.temporal.batches import Tally
from durascope_dashboard.temporal.connection import TemporalConfig, connect
from durascope_dashboard.temporal.folding import folder
from durascope_dashboard.temporal.opening import opened_sink
from durascope_dashboard.temporal.tracker import Tracker

IN_FLIGHT = 16
BIG_PAYLOAD = 1_900_000
BIG_CALLS = 25  # with the sizes above just under Temporal's limit of 50 MB
_TURN = {"role": "user", "content": "What is the weather in Bern, and should one take an umbrella? " * 12}
_USAGE = {
    "requests": 1, "input_tokens": 1200, "output_tokens": 90, "total_tokens": 1290,
    "input_tokens_details": {"cached_tokens": 1024}, "output_tokens_details": {"reasoning_tokens": 0},
}  # fmt: skip


def _model_input(conversation: Any) -> RawValue:
    """As the Agents integration writes it: the model's name comes first (the SDK's own converter sorts the fields)."""
    said = json.dumps({"model_name": "gpt-4.1-mini", "input": conversation, "conversation_id": None, "prompt": None})
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=said.encode()))


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
            asked = _model_input(conversation)
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
            asked = _model_input("x" * BIG_PAYLOAD)
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


async def sdk_loop(address: str, query: str, repeat: int) -> int:
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
        for _ in range(repeat):
            async for found in client.list_workflows(query):
                group.create_task(one(found.id, found.run_id))
    return count


class Again(Backfill):
    """Reads what is listed, each time under another run id."""

    listed = 0

    def tracker(self, namespace: str, info: WorkflowExecutionInfo) -> Tracker:
        """See Backfill."""
        tracker = super().tracker(namespace, info)
        self.listed += 1
        run_id = f"{tracker.key.run_id}-{self.listed}"
        tracker.reader = HistoryReader(tracker.key._replace(run_id=run_id))
        return tracker


def backfill(address: str, query: str, repeat: int, store: Path) -> int:
    """As ``run_backfill``, ``repeat`` times over."""
    with opened_sink(store, many=True) as sink, closing(folder()) as fold:

        async def run() -> Tally:
            connection = await connect(TemporalConfig(address))
            listed = replace(connection, namespaces=("default",) * repeat)
            return await Again(listed, sink, query=query, fold=fold).run()

        with asyncio.Runner(loop_factory=quick_loop()) as runner:
            return runner.run(run()).stored


CHILD = """
import os, resource, sys, time
from pathlib import Path
import durascope_dashboard.collector.ingest, durascope_dashboard.collector.joiner
from benchmarks.backfill import *

def cpu():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)

address, query, repeat, store = sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
before, used, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, cpu(), time.perf_counter()
count = {call}
took = time.perf_counter() - begun
print("RESULT", count, took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, before, cpu() - used, flush=True)
os._exit(0)  # without tearing down the SDK's threads, which now and then aborts
"""
SDK = "asyncio.run(sdk_loop(address, query, repeat))"
OURS = "backfill(address, query, repeat, store)"


def child(call: str, address: str, query: str, repeat: int, store: Path) -> dict[str, float]:
    """Run in a process of its own; imports and the memory they take are left out."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(call=call), address, query, str(repeat), str(store)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))
    count, took, peak, before, cpu = map(float, line.split()[1:])
    return {"runs": count, "s": took, "peak_mb": peak / 1024, "grown_mb": (peak - before) / 1024, "cpu_s": cpu}


def rates(address: str, repeat: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Both in turns; medians and the median of the ratios."""
    query = "WorkflowType = 'Agentic'"
    folder.mkdir()
    child(SDK, address, query, 1, folder / "none")  # so that caches are warm for both
    sdk, ours = [], []
    for number in range(rounds):
        sdk.append(child(SDK, address, query, repeat, folder / "none"))
        ours.append(child(OURS, address, query, repeat, folder / f"{number}.duckdb"))
        assert sdk[-1]["runs"] == ours[-1]["runs"] > 0
    runs = sdk[0]["runs"]
    return {
        "runs": runs,
        "sdk_runs_per_s": _median(runs / one["s"] for one in sdk),
        "backfill_runs_per_s": _median(runs / one["s"] for one in ours),
        "ratio": _median(a["s"] / b["s"] for a, b in zip(sdk, ours, strict=True)),
        "ratios": [round(a["s"] / b["s"], 3) for a, b in zip(sdk, ours, strict=True)],
        "sdk_client_cpu_ms_per_run": _median(one["cpu_s"] / runs * 1e3 for one in sdk),
        "backfill_client_cpu_ms_per_run": _median(one["cpu_s"] / runs * 1e3 for one in ours),
        "backfill_peak_mb": _median(one["peak_mb"] for one in ours),
    }


def memory(address: str, folder: Path) -> dict[str, Any]:
    """Peak growth while the big history is read."""
    query, none = "WorkflowType = 'Big'", "WorkflowType = 'None'"
    sdk = child(SDK, address, query, 1, folder)
    ours = child(OURS, address, query, 1, folder / "big.duckdb")
    nothing = child(OURS, address, none, 1, folder / "nothing.duckdb")
    return {
        "history_mb": BIG_PAYLOAD * BIG_CALLS / 1e6,
        "sdk_grown_mb": round(sdk["grown_mb"], 1),
        "backfill_grown_mb": round(ours["grown_mb"], 1),
        "backfill_of_nothing_grown_mb": round(nothing["grown_mb"], 1),
        "backfill_s": round(ours["s"], 2),
    }


def _median(values: Iterable[float]) -> float:
    return round(statistics.median(values), 3)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=600)
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--delay-ms", type=float, default=10.0)
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
            found: dict[str, Any] = {"machine": machine()}
            found["beside"] = rates(address, options.repeat, options.rounds, folder / "beside")
            with far_server(address, options.delay_ms) as far:
                away = rates(far, options.repeat, options.rounds, folder / "away")
            found["away"] = {"delay_ms": options.delay_ms, **away}
            if not options.no_memory:
                found["memory"] = memory(address, folder)
        finally:
            server.stop()
    report("backfill", found, keep=options.keep)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
