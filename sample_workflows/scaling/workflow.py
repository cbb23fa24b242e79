"""A briefing made by roles: each role is a child workflow on its own queue, and so are its model calls."""

import asyncio
from datetime import timedelta

from agents import Agent, Runner
from temporalio import workflow
from temporalio.openai_agents.workflow import activity_as_tool

from sample_workflows.scaling.roles import PLANNER, SEARCHER, TOOLS, WRITER
from sample_workflows.scaling.tools import read_archive


@workflow.defn
class PlanBriefing:
    """The planner's part. Runs on the planner queue; so does its model call, which takes its workflow's queue."""

    @workflow.run
    async def run(self, topic: str) -> list[str]:
        """Questions to search."""
        planner = Agent(name="Planner", model="gpt-5-mini", instructions="You plan a briefing: questions, one a line.")
        return str((await Runner.run(planner, topic)).final_output).splitlines()


@workflow.defn
class SearchArchive:
    """One searcher's part. Its tool goes to the tools' queue."""

    @workflow.run
    async def run(self, question: str) -> str:
        """What was found."""
        base = workflow.info().task_queue.removesuffix(f"-{SEARCHER.name}")
        tool = activity_as_tool(
            read_archive, task_queue=TOOLS.queue(base), start_to_close_timeout=timedelta(seconds=20)
        )
        searcher = Agent(
            name="Searcher", model="gpt-4o-mini", instructions="You search the archive and report.", tools=[tool]
        )
        return str((await Runner.run(searcher, question)).final_output)


@workflow.defn
class WriteBriefing:
    """The writer's part."""

    @workflow.run
    async def run(self, notes: list[str]) -> str:
        """The briefing."""
        writer = Agent(name="Writer", model="gpt-4o", instructions="You write a briefing from notes.")
        return str((await Runner.run(writer, "\n".join(notes))).final_output)


@workflow.defn
class BriefingWorkflow:
    """Plans, searches in parallel, writes; each on its own queue."""

    @workflow.run
    async def run(self, topic: str) -> str:
        """The briefing."""
        base, me = workflow.info().task_queue, workflow.info().workflow_id
        questions = await workflow.execute_child_workflow(
            PlanBriefing.run, topic, id=f"{me}/plan", task_queue=PLANNER.queue(base)
        )
        notes = await asyncio.gather(
            *(
                workflow.execute_child_workflow(
                    SearchArchive.run, question, id=f"{me}/search-{number}", task_queue=SEARCHER.queue(base)
                )
                for number, question in enumerate(questions)
            )
        )
        return await workflow.execute_child_workflow(
            WriteBriefing.run, notes, id=f"{me}/write", task_queue=WRITER.queue(base)
        )


WORKFLOWS: dict[str, list[type]] = {
    PLANNER.name: [PlanBriefing],
    SEARCHER.name: [SearchArchive],
    WRITER.name: [WriteBriefing],
    TOOLS.name: [],
}
