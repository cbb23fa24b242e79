"""How soon readers see a change: from the end of an activity, by its own clock, to its attempt in the read API.

    python -m benchmarks.visibility [--open 500] [--probes 40] [--keep]

A real dev server, a collector process and one worker; `--open` runs stay open the whole time. Measured twice in
alternation: runs of a worker with the plugin (telemetry is ahead) and of one without (history alone). Prints JSON.
"""

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from benchmarks.running import machine, percentiles, report
from durascope_dashboard.demo.dev_server import DevServer, free_port

with workflow.unsafe.imports_passed_through():
    from durascope import DurascopePlugin
    from durascope_dashboard.reader import Reader, connect

ENDED: dict[str, float] = {}


@activity.defn
async def step(name: str) -> None:
    """Write down when it ended."""
    ENDED[name] = time.time()


@workflow.defn
class Waiting:
    """Open until told to end; each signal runs the activity once."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    @workflow.run
    async def run(self) -> None:
        """Runs what is asked, for ever."""
        while True:
            await workflow.wait_condition(lambda: bool(self.asked))
            name = self.asked.pop(0)
            if name == "end":
                return
            await workflow.execute_activity(step, name, start_to_close_timeout=timedelta(seconds=30))

    @workflow.signal
    def ask(self, name: str) -> None:
        """Queue one activity."""
        self.asked.append(name)


def start_collector(folder: Path, temporal: str) -> tuple[subprocess.Popen[bytes], str]:
    """`durascope collect`, ready; and its URL."""
    http, grpc = free_port(), free_port()
    command = [sys.executable, "-m", "durascope._main", "collect", "--store", str(folder / "store.duckdb")]
    command += ["--otlp-http", f"127.0.0.1:{http}", "--otlp-grpc", f"127.0.0.1:{grpc}", "--temporal", temporal]
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{http}"
    os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf"
    with (folder / "collector.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{http}/healthz", timeout=1):
                return process, f"http://127.0.0.1:{http}"
        except OSError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise
            time.sleep(0.1)


async def probe(handle: WorkflowHandle[Any, Any], reader: Reader, name: str) -> float:
    """Seconds from the end of one activity to its being read as ended."""
    before = len(await _ended(reader, handle.id))
    await handle.signal(Waiting.ask, name)
    while len(await _ended(reader, handle.id)) <= before:  # noqa: ASYNC110  # another process decides
        await asyncio.sleep(0.02)
    return time.time() - ENDED[name]


async def _ended(reader: Reader, workflow_id: str) -> list[str]:
    table = await asyncio.to_thread(reader.query, "attempts", workflow_id=workflow_id)
    return [status for status in table["status"].to_pylist() if status == "ok"]


async def measure(temporal: str, url: str, open_runs: int, probes: int) -> dict[str, Any]:
    """Seconds for each probe, by whether the worker has the plugin."""
    plain = await Client.connect(temporal)
    observed = await Client.connect(temporal, plugins=[DurascopePlugin()])
    seen: dict[str, list[float]] = {"history_alone": [], "with_plugin": []}
    reader = connect(url, None)
    async with (
        Worker(plain, task_queue="plain", workflows=[Waiting], activities=[step]),
        Worker(observed, task_queue="observed", workflows=[Waiting], activities=[step]),
    ):
        handles: dict[str, list[WorkflowHandle[Any, Any]]] = {"plain": [], "observed": []}
        for number in range(open_runs):
            queue = ("plain", "observed")[number % 2]
            client = plain if queue == "plain" else observed
            handles[queue].append(await client.start_workflow(Waiting.run, id=f"{queue}-{number}", task_queue=queue))
        while reader.query("runs", limit=1000).num_rows < open_runs:  # noqa: ASYNC110  # another process decides
            await asyncio.sleep(0.2)
        for number in range(probes):
            for queue, name in (("plain", "history_alone"), ("observed", "with_plugin")):
                handle = random.choice(handles[queue])
                seen[name].append(await probe(handle, reader, f"{name}-{number}"))
    return {f"{name}_s": percentiles(values, 50, 95, 99, 100) for name, values in seen.items()}


def main() -> None:
    """Run it and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--open", type=int, default=500, help="runs that stay open")
    parser.add_argument("--probes", type=int, default=40, help="changes to measure, of each sort")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    found = {"machine": machine(), "open_runs": options.open, "probes": options.probes}
    with tempfile.TemporaryDirectory() as folder, DevServer() as server:
        collector, url = start_collector(Path(folder), server.address)
        try:
            found |= asyncio.run(measure(server.address, url, options.open, options.probes))
        finally:
            collector.terminate()
            collector.wait(20)
    report("visibility", found, keep=options.keep)


if __name__ == "__main__":
    main()
