"""An agent with a token budget and a short memory, and a long job that cleans up when it is cancelled."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from agents import Agent, RunConfig, Runner
from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception
from temporalio.openai_agents.workflow import activity_as_tool

from sample_workflows.resources.budget import TokenBudget
from sample_workflows.resources.tools import measure_noise, remove_checkpoints, train_model
from sample_workflows.resources.truncation import truncate


@dataclass
class Survey:
    """How many rooms to measure, and the budget for doing so."""

    rooms: int
    token_budget: int


@workflow.defn
class SurveyWorkflow:
    """An agent loop that ends by its budget if it does not end by itself."""

    @workflow.run
    async def run(self, survey: Survey) -> str:
        """The survey. Fails with TokenBudgetExceeded when it gets too expensive."""
        surveyor = Agent(
            name="Surveyor",
            model="gpt-4o-mini",
            instructions="You measure room after room, then sum up.",
            tools=[activity_as_tool(measure_noise, start_to_close_timeout=timedelta(seconds=10))],
        )
        result = await Runner.run(
            surveyor,
            f"Measure {survey.rooms} rooms",
            max_turns=50,
            hooks=TokenBudget(survey.token_budget),
            run_config=RunConfig(call_model_input_filter=truncate),
        )
        return str(result.final_output)


@workflow.defn
class TrainingWorkflow:
    """A long operation with all its timeouts, and clean-up that a cancellation cannot cancel."""

    @workflow.run
    async def run(self, steps: int) -> int:
        """Steps done."""
        try:
            return await workflow.execute_activity(
                train_model,
                steps,
                start_to_close_timeout=timedelta(minutes=5),
                schedule_to_close_timeout=timedelta(minutes=15),
                heartbeat_timeout=timedelta(seconds=5),
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            )
        except (ActivityError, asyncio.CancelledError) as error:
            if is_cancelled_exception(error):
                await self._clean_up()
            raise

    async def _clean_up(self) -> None:
        await workflow.execute_activity(
            remove_checkpoints, workflow.info().workflow_id, start_to_close_timeout=timedelta(seconds=10)
        )
