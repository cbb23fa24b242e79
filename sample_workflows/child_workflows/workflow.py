"""Summarises documents, each in a child workflow: a failed child is one missing line, not a failed batch."""

import asyncio

from agents import Agent, Runner
from temporalio import workflow
from temporalio.exceptions import ApplicationError, ChildWorkflowError

PARALLEL = 5


@workflow.defn
class DocumentWorkflow:
    """Summarises one document."""

    @workflow.run
    async def run(self, title: str) -> str:
        """The summary."""
        if not title.strip():
            raise ApplicationError("the document has no title", type="EmptyDocument", non_retryable=True)
        archivist = Agent(name="Archivist", model="gpt-4o-mini", instructions="You sum up documents in one line.")
        return str((await Runner.run(archivist, title)).final_output)


@workflow.defn
class BatchWorkflow:
    """Summarises many documents, a few at a time."""

    @workflow.run
    async def run(self, titles: list[str]) -> list[str]:
        """A line for each document, in their order."""
        slots = asyncio.Semaphore(PARALLEL)

        async def summarise(number: int, title: str) -> str:
            async with slots:
                try:
                    return await workflow.execute_child_workflow(
                        DocumentWorkflow.run, title, id=f"{workflow.info().workflow_id}/{number}"
                    )
                except ChildWorkflowError as error:
                    return f"failed: {error.cause}"

        return list(await asyncio.gather(*(summarise(number, title) for number, title in enumerate(titles))))
