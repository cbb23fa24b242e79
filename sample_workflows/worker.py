"""`python -m sample_workflows.worker`: one worker process with every sample, or with some roles only."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

from agents import OpenAIProvider, set_trace_processors
from openai import AsyncOpenAI
from temporalio.client import Client
from temporalio.openai_agents import OpenAIAgentsPlugin
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.worker import Worker

from sample_workflows.agent_configuration.mcp_servers import MCP_SERVERS
from sample_workflows.catalogue import WORKFLOWS, activities
from sample_workflows.connection import connect_config
from sample_workflows.scaling.roles import ROLES, TOOLS, Role
from sample_workflows.scaling.tools import read_archive
from sample_workflows.scaling.workflow import WORKFLOWS as ROLE_WORKFLOWS
from sample_workflows.task_queue import TASK_QUEUE
from sample_workflows.worker_configuration.parameters import MODEL_PARAMETERS

GENERAL = ("workflow", "activity")
ALL = (*GENERAL, *ROLES)
GRACE = timedelta(seconds=2)
LATENCY_BUCKETS_S = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 21600.0, 86400.0)
LONG_LATENCIES = (
    "temporal_activity_schedule_to_start_latency",
    "temporal_activity_execution_latency",
    "temporal_activity_succeed_endtoend_latency",
    "temporal_workflow_endtoend_latency",
)


class WorkerSetupError(Exception):
    """The worker cannot start; the message says what to do."""


def plugins(openai: AsyncOpenAI, *, run_models: bool = True, instrumented: bool = True) -> list[Any]:
    """The plugins of a sample worker: the Agents integration and Durascope.

    One OpenAI client serves all model activities of the process: its connections are pooled. Its own retries are off,
    because Temporal retries; two layers of retries would hide attempts from both.
    """
    agents = OpenAIAgentsPlugin(
        model_params=MODEL_PARAMETERS,
        model_provider=OpenAIProvider(openai_client=openai),
        mcp_servers=MCP_SERVERS if run_models else None,
        register_activities=run_models,
    )
    if not instrumented:
        return [agents]
    from durascope import DurascopePlugin  # here: a run without the plugin must not need it

    return [agents, DurascopePlugin()]


def build_workers(client: Client, task_queue: str, roles: Sequence[str] = ALL, flaky: float = 0.0) -> list[Worker]:
    """One worker for the general queue if it has a part there, and one for each role; plugins come with the client."""
    workers = [_role_worker(client, task_queue, ROLES[name]) for name in roles if name in ROLES]
    if set(roles) & set(GENERAL):
        general = Worker(
            client,
            task_queue=task_queue,
            workflows=WORKFLOWS if "workflow" in roles else [],
            activities=activities(flaky) if "activity" in roles else [],
            # An eager activity stays in its workflow's process; these are to be shared among all workers of the queue.
            disable_eager_activity_execution=True,
            graceful_shutdown_timeout=GRACE,
        )
        workers.insert(0, general)
    return workers


def _role_worker(client: Client, task_queue: str, role: Role) -> Worker:
    return Worker(
        client,
        task_queue=role.queue(task_queue),
        workflows=ROLE_WORKFLOWS[role.name],
        activities=[read_archive] if role is TOOLS else [],
        max_concurrent_activities=role.concurrency,
        graceful_shutdown_timeout=GRACE,
    )


def parse_roles(text: str) -> list[str]:
    """``all`` or a comma list. Raises WorkerSetupError naming what is unknown."""
    roles = list(ALL) if text == "all" else text.split(",")
    if unknown := [role for role in roles if role not in ALL]:
        raise WorkerSetupError(f"no role is called {unknown[0]!r}; there are: all, {', '.join(ALL)}")
    return roles


def runtime(metrics: str) -> Runtime:
    """A runtime that serves the Temporal SDK's own metrics on ``metrics`` for Prometheus, in Prometheus' own units."""
    minutes = dict.fromkeys(LONG_LATENCIES, LATENCY_BUCKETS_S)  # the default buckets end at 60 s
    prometheus = PrometheusConfig(
        bind_address=metrics,
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
        histogram_bucket_overrides=minutes,
    )
    return Runtime(telemetry=TelemetryConfig(metrics=prometheus))


def keep_traces_local() -> None:
    """With scripted models, keep the Agents SDK's default exporter from posting traces to OpenAI."""
    if os.environ.get("OPENAI_BASE_URL", "").startswith("http://127.0.0.1"):
        os.environ.setdefault("OPENAI_API_KEY", "scripted")
        set_trace_processors([])


async def run(options: argparse.Namespace) -> None:
    """Work until SIGINT or SIGTERM."""
    roles = parse_roles(options.role)
    keep_traces_local()
    done = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, done.set)
    async with AsyncOpenAI(max_retries=0) as openai, AsyncExitStack() as stack:
        offered = plugins(openai, run_models=roles != ["workflow"], instrumented=not options.without_plugin)
        measured = runtime(options.metrics) if options.metrics else None
        client = await Client.connect(**connect_config(options.address), plugins=offered, runtime=measured)
        for worker in build_workers(client, options.task_queue, roles, options.flaky):
            await stack.enter_async_context(worker)
        print(f"worker {os.getpid()} ({', '.join(roles)}) polls {options.task_queue}", flush=True)
        await done.wait()


def main() -> int:
    """Parse the command line and work."""
    parser = argparse.ArgumentParser(prog="python -m sample_workflows.worker", description=__doc__)
    parser.add_argument("--address", help="Temporal frontend; default: TEMPORAL_ADDRESS or the configured profile")
    parser.add_argument("--metrics", metavar="HOST:PORT", help="serve the Temporal SDK's metrics there for Prometheus")
    parser.add_argument("--task-queue", default=TASK_QUEUE)
    parser.add_argument("--role", default="all", help=f"all, or a comma list of: {', '.join(ALL)}")
    parser.add_argument("--flaky", type=float, default=0.0, help="share of library searches that fail at first")
    parser.add_argument("--without-plugin", action="store_true", help="do not instrument: history alone must do")
    try:
        asyncio.run(run(parser.parse_args()))
    except WorkerSetupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
