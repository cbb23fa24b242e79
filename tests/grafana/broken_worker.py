"""`python -m tests.grafana.broken_worker ADDRESS METRICS`: a worker whose workflow fails in its code, and its run."""

import asyncio
import sys

from temporalio import workflow
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


async def main(address: str, metrics: str) -> None:
    """Serve until killed."""
    client = await Client.connect(address, runtime=runtime(metrics))
    async with Worker(client, task_queue=QUEUE, workflows=[BrokenWorkflow]):
        await client.start_workflow(BrokenWorkflow.run, id="broken-1", task_queue=QUEUE)
        print("polls", flush=True)  # noqa: T201 - what its parent waits for
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
