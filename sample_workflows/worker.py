"""`python -m sample_workflows.worker`: one worker process with every sample, or with one role of them."""

import argparse
import asyncio
import hashlib
import importlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from agents import OpenAIProvider, set_trace_processors
from openai import AsyncOpenAI
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.envconfig import ClientConfig
from temporalio.openai_agents import ModelActivityParameters, OpenAIAgentsPlugin
from temporalio.worker import Worker

from sample_workflows.observable.tools import TOOLS
from sample_workflows.observable.workflow import ObservableWorkflow
from sample_workflows.research.library import Library
from sample_workflows.research.workflow import ResearchWorkflow

TASK_QUEUE = "durascope-samples"
WORKFLOWS: list[type] = [ObservableWorkflow, ResearchWorkflow]
ROLES = ("all", "workflow", "activity")

MODEL_PARAMS = ModelActivityParameters(
    start_to_close_timeout=timedelta(seconds=30),
    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_attempts=6),
)


class WorkerSetupError(Exception):
    """The worker cannot start; the message says what to do."""


def durascope_plugin() -> Any:
    """The plugin under observation here. Raises WorkerSetupError when the installed package has none."""
    plugin = getattr(importlib.import_module("durascope"), "DurascopePlugin", None)
    if plugin is None:
        raise WorkerSetupError(
            "the installed durascope has no DurascopePlugin; install it from this repository, "
            "or run the worker with --without-plugin"
        )
    return plugin()


def plugins(openai: AsyncOpenAI, *, role: str = "all", instrumented: bool = True) -> list[Any]:
    """The plugins of a sample worker: the Agents integration and Durascope.

    One OpenAI client serves all model activities of the process: its connections are pooled. Its own retries are off,
    because Temporal retries; two layers of retries would hide attempts from both.
    """
    agents = OpenAIAgentsPlugin(
        model_params=MODEL_PARAMS,
        model_provider=OpenAIProvider(openai_client=openai),
        register_activities=role != "workflow",
    )
    return [agents, durascope_plugin()] if instrumented else [agents]


def activities(flaky: float = 0.0) -> list[Callable[..., Any]]:
    """All tool activities; ``flaky`` is the share of library searches that fail at first."""
    return [*TOOLS, Library(fail_first=outages(flaky), seconds=0.05).search_library]


def outages(share: float) -> Callable[[str, str], int]:
    """How often a search fails: 0 mostly, else 1 to 3 times, always the same for the same workflow and query."""

    def fail_first(workflow_id: str, query: str) -> int:
        dice = hashlib.blake2b(f"{workflow_id} {query}".encode(), digest_size=4).digest()
        return 1 + dice[2] % 3 if int.from_bytes(dice[:2], "big") / 65536 < share else 0

    return fail_first


def build_worker(client: Client, task_queue: str, role: str = "all", flaky: float = 0.0) -> Worker:
    """A worker of the given role; plugins come with the client."""
    workflows: Sequence[type] = [] if role == "activity" else WORKFLOWS
    return Worker(
        client,
        task_queue=task_queue,
        workflows=workflows,
        activities=[] if role == "workflow" else activities(flaky),
        graceful_shutdown_timeout=timedelta(seconds=2),
    )


async def run(options: argparse.Namespace) -> None:
    """Work until SIGINT or SIGTERM."""
    if os.environ.get("OPENAI_BASE_URL", "").startswith("http://127.0.0.1"):
        os.environ.setdefault("OPENAI_API_KEY", "scripted")
        set_trace_processors([])  # the SDK's default exporter would post traces to OpenAI
    done = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, done.set)
    config = ClientConfig.load_client_connect_config()
    if options.address:
        config["target_host"] = options.address
    async with AsyncOpenAI(max_retries=0) as openai:
        client = await Client.connect(
            **config, plugins=plugins(openai, role=options.role, instrumented=not options.without_plugin)
        )
        async with build_worker(client, options.task_queue, options.role, options.flaky):
            print(f"worker {os.getpid()} ({options.role}) polls {options.task_queue}", flush=True)
            await done.wait()


def main() -> int:
    """Parse the command line and work."""
    parser = argparse.ArgumentParser(prog="python -m sample_workflows.worker", description=__doc__)
    parser.add_argument("--address", help="Temporal frontend; default: TEMPORAL_ADDRESS or the configured profile")
    parser.add_argument("--task-queue", default=TASK_QUEUE)
    parser.add_argument("--role", choices=ROLES, default="all")
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
