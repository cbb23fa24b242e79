"""Plan, search in parallel, write: several agents in one durable run."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from agents import Agent, Runner, custom_span, trace
from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.openai_agents.workflow import activity_as_tool

from sample_workflows.research.library import Library

MODEL = "gpt-4o-mini"


@dataclass
class ResearchRequest:
    """The topic of a report."""

    topic: str


class Plan(BaseModel):
    """What the planner wants searched."""

    queries: list[str]


def planner() -> Agent[None]:
    """Splits a topic into queries."""
    return Agent(
        name="Planner",
        model="gpt-5-mini",
        instructions="You plan research. Answer with three search queries.",
        output_type=Plan,
    )


def searcher() -> Agent[None]:
    """Answers one query with the library's help."""
    search = activity_as_tool(
        Library.search_library,
        start_to_close_timeout=timedelta(seconds=20),
        retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_attempts=5),
    )
    return Agent(name="Searcher", model=MODEL, instructions="You search a library and sum up.", tools=[search])


def writer() -> Agent[None]:
    """Drafts the report and hands it to the editor."""
    editor = Agent(name="Editor", model=MODEL, instructions="You edit a drafted report and publish it.")
    return Agent(
        name="Writer",
        model="gpt-4o",
        instructions="You draft a report from notes, then hand off to the editor.",
        handoffs=[editor],
    )


@workflow.defn
class ResearchWorkflow:
    """Writes a short report on a topic."""

    @workflow.run
    async def run(self, request: ResearchRequest) -> str:
        """The report."""
        with trace("Research", group_id=workflow.info().workflow_id):
            plan = (await Runner.run(planner(), request.topic)).final_output_as(Plan)
            with custom_span("Search in parallel", data={"queries": len(plan.queries)}):
                notes = await asyncio.gather(*(self._search(query) for query in plan.queries))
            return str((await Runner.run(writer(), "\n".join(notes))).final_output)

    async def _search(self, query: str) -> str:
        return str((await Runner.run(searcher(), query)).final_output)
