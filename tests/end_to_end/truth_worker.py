"""A worker process whose activities write down what really happened, independent of any telemetry.

Run as ``python -m tests.end_to_end.truth_worker ADDRESS TASK_QUEUE LOG [--no-plugin]``.
The model is reached through OPENAI_BASE_URL.
"""

import asyncio
import json
import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from agents import Agent, Runner, trace
    from temporalio.openai_agents import ModelActivityParameters, OpenAIAgentsPlugin
    from temporalio.openai_agents.workflow import activity_as_tool

LOG_VARIABLE = "TRUTH_LOG"


def _write(event: str, **fields: Any) -> None:
    line = json.dumps({"event": event, "time": time.time(), "pid": os.getpid(), **fields})
    with Path(os.environ[LOG_VARIABLE]).open("a") as log:
        log.write(line + "\n")


@activity.defn
async def lookup(city: str) -> str:
    """Fails on the first two attempts."""
    info = activity.info()
    identity = {"activity_id": info.activity_id, "attempt": info.attempt, "run_id": info.workflow_run_id}
    _write("start", **identity)
    await asyncio.sleep(0.2)
    _write("end", **identity)
    if info.attempt < 3:
        raise RuntimeError(f"lookup of {city} failed on attempt {info.attempt}")
    return f"{city}: sunny"


@workflow.defn
class TruthWorkflow:
    """One agent, one flaky tool."""

    @workflow.run
    async def run(self, question: str) -> str:
        """Answer the question."""
        tool = activity_as_tool(
            lookup,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=400), backoff_coefficient=2.0),
        )
        agent = Agent(name="Forecaster", instructions="Use the tool.", model="gpt-4.1-mini", tools=[tool])
        with trace("truth"):
            result = await Runner.run(agent, question)
        return str(result.final_output)


async def main(address: str, task_queue: str, *, plugin: bool) -> None:
    """Serve until killed."""
    plugins: list[Any] = [
        OpenAIAgentsPlugin(
            model_params=ModelActivityParameters(
                start_to_close_timeout=timedelta(seconds=30), heartbeat_timeout=timedelta(seconds=2)
            )
        )
    ]
    if plugin:
        from durascope import DurascopePlugin

        plugins.append(DurascopePlugin())
    client = await Client.connect(address, plugins=plugins)
    worker = Worker(client, task_queue=task_queue, workflows=[TruthWorkflow], activities=[lookup])
    await worker.run()


if __name__ == "__main__":
    os.environ[LOG_VARIABLE] = sys.argv[3]
    asyncio.run(main(sys.argv[1], sys.argv[2], plugin="--no-plugin" not in sys.argv))
