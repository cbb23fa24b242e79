"""CPU milliseconds that a run costs its worker: without telemetry, with the stock stack, with Durascope.

    python -m benchmarks.overhead --rounds 7 --runs 60 --out benchmarks/results/overhead.json

Three worker processes live side by side, and runs go to one after the other: whatever else the machine does, and its
speed, weigh on all three alike. The process clock counts all threads, Rust's too, and the telemetry's export. The model
server, the OTLP receiver and the client live in other processes than the workers.
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
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from agents import set_trace_processors
from temporalio.client import Client

from benchmarks.overhead_runs import ARMS, Arm, Errand, rules, worker
from durascope_dashboard.demo.dev_server import DevServer
from sample_workflows.model_server import ScriptedServer

CONCURRENT = 6
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


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
            pipe.send((time.process_time(), _threads()))
            if profiler:
                profiler.enable()
        if profiler:
            profiler.disable()
            profiler.dump_stats(f"{profile}.{arm}")


def _threads() -> dict[str, float]:
    """CPU ms of each kind of thread of this process: Python's by name, the others by what the system calls them."""
    names = {thread.native_id: thread.name.rstrip("0123456789_-") for thread in threading.enumerate()}
    found: dict[str, float] = {}
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # it has just ended
            user, system = (task / "stat").read_text().rpartition(")")[2].split()[11:13]
            name = names.get(int(task.name)) or (task / "comm").read_text().strip()
            found[name] = found.get(name, 0.0) + (int(user) + int(system)) * TICK_MS
    return found


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
        return float(self._ask(arm)[0])

    def threads(self, arm: Arm) -> dict[str, float]:
        """CPU ms by thread so far."""
        return dict(self._ask(arm)[1])

    def _ask(self, arm: Arm) -> Any:
        self._pipes[arm].send(True)
        return self._pipes[arm].recv()

    def stop(self) -> None:
        """End them."""
        for pipe in self._pipes.values():
            pipe.send(None)
        for process in self._processes:
            process.join(30)


async def batch(client: Client, arms: Sequence[Arm], runs: int) -> None:
    """Let ``runs`` runs of each arm happen, in turn, a few at a time."""
    gate = asyncio.Semaphore(CONCURRENT)

    async def one(arm: Arm) -> None:
        async with gate:
            await client.execute_workflow(Errand.run, "Oslo", id=str(uuid.uuid4()), task_queue=f"overhead-{arm}")

    await asyncio.gather(*(one(arm) for _ in range(runs) for arm in arms))


async def measure(address: str, workers: Workers, rounds: int, runs: int) -> dict[str, list[float]]:
    """CPU ms a run, by arm and round; the order changes from round to round."""
    client = await Client.connect(address)
    await batch(client, ARMS, max(runs // 2, 8))
    found: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for number in range(rounds):
        before = {arm: workers.cpu_s(arm) for arm in ARMS}
        await batch(client, ARMS[number % 3 :] + ARMS[: number % 3], runs)
        for arm in ARMS:
            found[arm].append((workers.cpu_s(arm) - before[arm]) / runs * 1000)
        print(f"round {number + 1}: " + ", ".join(f"{arm} {found[arm][-1]:.1f} ms" for arm in ARMS), flush=True)
    return found


def by_thread(workers: Workers, runs: int) -> dict[str, dict[str, float]]:
    """CPU ms a run of each thread (of some ms), over all rounds and the warming up."""
    return {
        arm: {name: round(ms / runs, 2) for name, ms in sorted(workers.threads(arm).items()) if ms / runs >= 0.2}
        for arm in ARMS
    }


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
            threads = by_thread(workers, given.rounds * given.runs + max(given.runs // 2, 8))
        finally:
            workers.stop()
    result = report(found, given.runs) | {"ms_by_thread": threads, "exported_bytes": Swallow.taken}
    print(json.dumps(result, indent=2))
    if given.out:
        given.out.parent.mkdir(exist_ok=True)
        given.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
