"""Try the best model under its retry policy; when that is exhausted, a cheaper one answers."""

from dataclasses import dataclass

from agents import Agent, Runner, custom_span, trace
from temporalio import workflow
from temporalio.exceptions import ActivityError
from temporalio.openai_agents import AgentsWorkflowError

INSTRUCTIONS = "You diagnose machines from their noises."


@dataclass
class Diagnosis:
    """Who answered is part of the answer: a fallback that nobody notices hides an outage."""

    text: str
    answered_by: str


@workflow.defn
class DiagnosisWorkflow:
    """Diagnoses a noise."""

    @workflow.run
    async def run(self, noise: str) -> Diagnosis:
        """The diagnosis of the first agent that gives one."""
        specialist = Agent(name="Specialist", model="gpt-5", instructions=INSTRUCTIONS)
        generalist = Agent(name="Generalist", model="gpt-5-mini", instructions=INSTRUCTIONS)
        with trace("Diagnosis"):
            try:
                return await self._ask(specialist, noise)
            except (ActivityError, AgentsWorkflowError) as error:
                workflow.logger.warning("the specialist gave up: %s", error)
            with custom_span("Fall back", data={"from": specialist.name, "to": generalist.name}):
                return await self._ask(generalist, noise)

    async def _ask(self, agent: Agent[None], noise: str) -> Diagnosis:
        return Diagnosis(str((await Runner.run(agent, noise)).final_output), agent.name)
