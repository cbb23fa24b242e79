"""`python -m tests.grafana.broken_worker ADDRESS METRICS`: a worker with two runs that never end."""

import asyncio
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from sample_workflows.worker import runtime

QUEUE = "durascope-broken"


@workflow.defn
class BrokenWorkflow:
    """Its workflow task fails and is tried again, for ever."""

    @workflow.run
    async def run(self) -> None:
        """A mistake in the code, not a failure of the workflow."""
        raise RuntimeError("a mistake in workflow code")


@activity.defn
async def always_fails() -> None:
    """Each attempt of it."""
    raise ConnectionError("nobody answers")


@workflow.defn
class RetryingWorkflow:
    """Its activity is tried again, for ever: there is always an attempt under way."""

    @workflow.run
    async def run(self) -> None:
        """One activity, under the default policy of unlimited attempts."""
        await workflow.execute_activity(always_fails, start_to_close_timeout=timedelta(seconds=10))


async def main(address: str, metrics: str) -> None:
    """Serve until killed."""
    client = await Client.connect(address, runtime=runtime(metrics))
    workflows = [BrokenWorkflow, RetryingWorkflow]
    async with Worker(client, task_queue=QUEUE, workflows=workflows, activities=[always_fails]):
        await client.start_workflow(BrokenWorkflow.run, id="broken-1", task_queue=QUEUE)
        await client.start_workflow(RetryingWorkflow.run, id="retrying-1", task_queue=QUEUE)
        print("polls", flush=True)  # noqa: T201 - what its parent waits for
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
