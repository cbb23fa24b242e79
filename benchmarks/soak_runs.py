"""`python -m benchmarks.soak_runs`: every sample at once while workers are killed; then every run, attempt and token
is checked against Temporal's histories and the model server's log. Exit code 1 if anything differs.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import duckdb
from temporalio.client import Client, WorkflowExecution

from benchmarks.soak_checks import Row, RunKey, Verdict, check_attempts, check_coverage, check_ledger, check_runs
from durascope_dashboard.demo.children import Children, answers
from durascope_dashboard.demo.dev_server import DevServer, free_port
from sample_workflows.model_server import Latency, ScriptedServer
from sample_workflows.scripts import FAULTS, RULES
from sample_workflows.traffic.generator import Generator, arrivals
from sample_workflows.traffic.outcomes import outcomes_of, wait_until_closed
from sample_workflows.traffic.session import Session
from sample_workflows.traffic.starters import STARTERS, mix_of
from sample_workflows.traffic.worker_pool import WorkerPool

QUEUE = "soak"
MIX = ",".join(f"{name}={4 if name == 'batch' else 1}" for name in STARTERS)  # batches bring children
AT_ONCE = 8
LATENCY = Latency(first_token=0.15, per_token=0.002, spread=0.5)  # long enough for kills to hit calls in flight
RESULTS = Path(__file__).parent / "results" / "soak_runs.json"
STATUS = {"canceled": "cancelled"}  # Temporal spells it so


async def soak(options: argparse.Namespace, temporal: DevServer, pool: WorkerPool) -> dict[str, Any]:
    """Traffic under chaos until every run has closed; figures of it."""
    client, done, began = await Client.connect(temporal.address), asyncio.Event(), time.monotonic()
    generator = Generator(Session(client, QUEUE, options.pace), "soak")
    killing = asyncio.create_task(pool.chaos(options.chaos, Random(options.seed)))
    await generator.generate(arrivals(options.rate, mix_of(options.mix), options.seed), done, None, options.starts)
    started_s = time.monotonic() - began
    killing.cancel()
    await generator.drain(done, options.wait)
    still_open = await wait_until_closed(client, generator.started, options.wait, done)
    outcomes = await outcomes_of(client, generator.started)
    return {
        "workflows started": len(generator.started), "started in s": round(started_s, 1),
        "closed after s": round(time.monotonic() - began, 1), "still open": still_open,
        "latest start behind its time, s": round(generator.late_s, 2), "workers killed": len(pool.kills),
        "outcomes": dict(outcomes.total), "people's errors": generator.errors,
    }  # fmt: skip


async def account(address: str) -> tuple[dict[RunKey, str], dict[tuple[str, str, str], int]]:
    """What Temporal says: each run's status, and each closed activity's final attempt number."""
    client = await Client.connect(address)
    listed = [execution async for execution in client.list_workflows("", page_size=500)]
    statuses = {(one.id, one.run_id): _status(one) for one in listed}
    slots, final = asyncio.Semaphore(AT_ONCE), dict[tuple[str, str, str], int]()

    async def read(workflow_id: str, run_id: str) -> None:
        scheduled: dict[int, str] = {}
        async with slots:
            handle = client.get_workflow_handle(workflow_id, run_id=run_id)
            async for event in handle.fetch_history_events():
                if event.HasField("activity_task_scheduled_event_attributes"):
                    scheduled[event.event_id] = event.activity_task_scheduled_event_attributes.activity_id
                elif event.HasField("activity_task_started_event_attributes"):
                    begun = event.activity_task_started_event_attributes
                    final[workflow_id, run_id, scheduled[begun.scheduled_event_id]] = begun.attempt

    await asyncio.gather(*(read(*key) for key in statuses))
    return statuses, final


def _status(execution: WorkflowExecution) -> str:
    name = execution.status.name.lower() if execution.status else "unknown"
    return STATUS.get(name, name)


def settle(store_url: str, seconds: float) -> float:
    """Wait until nothing has changed in the collector for a few seconds; how long that took."""
    began, last, since = time.monotonic(), "", time.monotonic()
    while time.monotonic() - began < seconds and time.monotonic() - since < 4:
        with urllib.request.urlopen(f"{store_url}/healthz", timeout=10) as answer:
            health = json.loads(answer.read())
        state = json.dumps([health.get("rows"), health.get("store"), health.get("history")], sort_keys=True)
        if state != last:
            last, since = state, time.monotonic()
        time.sleep(0.5)
    return time.monotonic() - began


def rows(store: Path, sql: str) -> list[Row]:
    """Rows as dicts."""
    with duckdb.connect(str(store), read_only=True) as connection:
        found = connection.execute(sql)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def verify(
    store: Path, models: ScriptedServer, statuses: dict[RunKey, str], final: dict[tuple[str, str, str], int]
) -> Verdict:
    """All checks."""
    verdict = Verdict()
    runs = rows(store, "SELECT * FROM runs")
    attempts = rows(store, "SELECT a.*, o.kind FROM attempts a JOIN operations o USING "
                           "(namespace, workflow_id, run_id, operation_id)")  # fmt: skip
    check_runs(verdict, statuses, {(run["workflow_id"], run["run_id"]): run["status"] for run in runs})
    check_attempts(verdict, final, attempts)
    check_coverage(verdict, runs)
    check_ledger(verdict, models.log, attempts)
    by_status: dict[str, int] = {}
    for row in attempts:
        by_status[row["status"]] = by_status.get(row["status"], 0) + 1
    verdict.figures["attempts by status"] = by_status
    return verdict


def run(options: argparse.Namespace, folder: Path) -> tuple[dict[str, Any], Verdict]:
    """Everything, in child processes but for the model server and the traffic; none is left."""
    folder.mkdir(parents=True, exist_ok=True)
    store, http, grpc = folder / "soak.duckdb", free_port(), free_port()
    with ExitStack() as stack:
        # State in a file, so that it can be looked at afterwards (--keep).
        temporal = stack.enter_context(DevServer(db=folder / "temporal.db", log=folder / "temporal.log"))
        models = stack.enter_context(ScriptedServer(0, options.seed, [*FAULTS, *RULES], LATENCY))
        environment = os.environ | {
            "TEMPORAL_ADDRESS": temporal.address, "OPENAI_BASE_URL": models.base_url, "OPENAI_API_KEY": "scripted",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{grpc}", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        }  # fmt: skip
        children = Children(folder / "collector", stop_timeout=60)
        stack.callback(children.stop)
        command = [sys.executable, "-m", "durascope._main", "collect", "--store", str(store)]
        command += ["--otlp-grpc", f"127.0.0.1:{grpc}", "--otlp-http", f"127.0.0.1:{http}"]
        collector = children.start("collector", command, environment, Path.cwd())
        url = f"http://127.0.0.1:{http}"
        children.wait_ready(collector, lambda: answers(f"{url}/healthz"), 60, lambda: False)
        pool = WorkerPool(folder / "workers", environment, QUEUE, options=("--flaky", "0.2"))
        stack.callback(pool.stop)
        pool.start()
        figures = asyncio.run(soak(options, temporal, pool))
        pool.stop()  # workers flush what they still hold
        figures["collector settled after s"] = round(settle(url, options.settle), 1)
        statuses, final = asyncio.run(account(temporal.address))
        children.stop()
        return figures, verify(store, models, statuses, final)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak_runs", description=__doc__)
    parser.add_argument("--starts", type=int, default=430, help="workflows to start; children and chains come on top")
    parser.add_argument("--rate", type=float, default=3.0)
    parser.add_argument("--mix", default=MIX)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pace", type=float, default=0.02)
    parser.add_argument("--chaos", type=float, default=8.0, help="seconds between kills, on average")
    parser.add_argument("--wait", type=float, default=240.0, help="seconds for the runs to close, at most")
    parser.add_argument("--settle", type=float, default=60.0)
    parser.add_argument("--keep", type=Path, help="keep stores and logs in this folder")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    return parser


def main() -> int:
    """Soak, verify, print."""
    options = parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="durascope-soak-") as temporary:
        figures, verdict = run(options, options.keep or Path(temporary))
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()[0]}
    result = {"machine": machine, "traffic": figures, "checked": verdict.figures, "problems": verdict.problems}
    print(json.dumps(result, indent=2, default=str))
    if options.write:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(result, indent=2, default=str) + "\n")
    return 1 if verdict.problems or figures["still open"] else 0


if __name__ == "__main__":
    sys.exit(main())
