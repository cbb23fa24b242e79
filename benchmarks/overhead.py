"""CPU milliseconds that a run costs its worker: without telemetry, with the stock stack, with Durascope.

    python -m benchmarks.overhead --rounds 7 --runs 60 --out benchmarks/results/overhead.json

Three worker processes live side by side and take turns; the process clock counts all threads, Rust's too, and the
telemetry's export. The model server, the OTLP receiver and the client live in other processes than the workers.
"""

import argparse
import asyncio
import contextlib
import cProfile
import json
import multiprocessing
import os
import platform
import statistics
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from agents import set_trace_processors
from temporalio.client import Client

from benchmarks.overhead_runs import ARMS, Arm, Errand, rules, worker
from durascope_dashboard.demo.dev_server import DevServer
from sample_workflows.model_server import ScriptedServer

CONCURRENT = 4


class Swallow(BaseHTTPRequestHandler):
    """An OTLP receiver that takes everything and keeps the number of bytes."""

    protocol_version = "HTTP/1.1"
    taken: dict[str, int] = {}  # noqa: RUF012 - one for the process

    def do_POST(self) -> None:
        """Take one request."""
        length = int(self.headers["content-length"])
        self.rfile.read(length)
        Swallow.taken[self.path] = Swallow.taken.get(self.path, 0) + length
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextlib.contextmanager
def receiving() -> Iterator[str]:
    """The receiver's URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Swallow)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def serve(arm: Arm, address: str, environment: dict[str, str], pipe: Connection, profile: str | None) -> None:
    """A worker process: says its CPU seconds, everything exported, whenever it is asked; ends on None."""
    os.environ.update(environment)
    set_trace_processors([])
    asyncio.run(_serve(arm, address, pipe, profile))


async def _serve(arm: Arm, address: str, pipe: Connection, profile: str | None) -> None:
    ours, flushable = await worker(address, arm)
    async with ours:
        profiler = cProfile.Profile() if profile else None
        while await asyncio.to_thread(pipe.recv) is not None:
            if flushable is not None:
                await asyncio.to_thread(flushable.force_flush)
            pipe.send(time.process_time())
            if profiler:
                profiler.enable()
        if profiler:
            profiler.disable()
            profiler.dump_stats(f"{profile}.{arm}")


class Workers:
    """The three processes."""

    def __init__(self, address: str, environment: dict[str, str], profile: str | None) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["benchmarks.overhead_runs"])
        self._pipes: dict[Arm, Any] = {}
        self._processes = []
        for arm in ARMS:
            mine, theirs = context.Pipe()
            process = context.Process(target=serve, args=(arm, address, environment, theirs, profile), daemon=True)
            process.start()
            self._pipes[arm] = mine
            self._processes.append(process)

    def cpu_s(self, arm: Arm) -> float:
        """CPU seconds so far."""
        self._pipes[arm].send(True)
        return float(self._pipes[arm].recv())

    def stop(self) -> None:
        """End them."""
        for pipe in self._pipes.values():
            pipe.send(None)
        for process in self._processes:
            process.join(30)


async def batch(client: Client, arm: Arm, runs: int) -> None:
    """Let ``runs`` runs happen, a few at a time."""
    gate = asyncio.Semaphore(CONCURRENT)

    async def one() -> None:
        async with gate:
            await client.execute_workflow(Errand.run, "Oslo", id=str(uuid.uuid4()), task_queue=f"overhead-{arm}")

    await asyncio.gather(*(one() for _ in range(runs)))


async def measure(address: str, workers: Workers, rounds: int, runs: int) -> dict[str, list[float]]:
    """CPU ms a run, by arm and round; the order changes from round to round."""
    client = await Client.connect(address)
    for arm in ARMS:
        await batch(client, arm, max(runs // 2, 8))
    found: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for number in range(rounds):
        for arm in ARMS[number % 3 :] + ARMS[: number % 3]:
            before = workers.cpu_s(arm)
            await batch(client, arm, runs)
            found[arm].append((workers.cpu_s(arm) - before) / runs * 1000)
            print(f"round {number + 1} {arm:9} {found[arm][-1]:6.1f} ms", flush=True)
    return found


def report(found: dict[str, list[float]], runs: int) -> dict[str, Any]:
    """Medians, and what each adds in the same round (so that a busy machine weighs on both alike)."""
    medians = {arm: round(statistics.median(values), 2) for arm, values in found.items()}
    added = {
        arm: [with_ - without for with_, without in zip(found[arm], found["none"], strict=True)]
        for arm in ("stock", "durascope")
    }
    stock, ours = (statistics.median(added[arm]) for arm in ("stock", "durascope"))
    return {
        "cpu_ms_per_run": medians,
        "added_ms": {"stock": round(stock, 2), "durascope": round(ours, 2)},
        "durascope_of_stock": round(ours / stock, 3),
        "rounds": {arm: [round(value, 2) for value in values] for arm, values in found.items()},
        "runs_per_round": runs,
        "run": "4 model calls, 2 activity tools, 1 in-workflow tool",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "load_average": os.getloadavg()[0],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--profile", help="prefix of cProfile files of the workers' main threads")
    given = parser.parse_args()
    with DevServer() as server, ScriptedServer(rules=rules()) as model, receiving() as collector:
        environment = {
            "OPENAI_BASE_URL": model.base_url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        }
        workers = Workers(server.address, environment, given.profile)
        try:
            found = asyncio.run(measure(server.address, workers, given.rounds, given.runs))
        finally:
            workers.stop()
    result = report(found, given.runs) | {"exported_bytes": Swallow.taken}
    print(json.dumps(result, indent=2))
    if given.out:
        given.out.parent.mkdir(exist_ok=True)
        given.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
