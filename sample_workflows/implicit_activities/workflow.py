"""An agent in a workflow. Each model call becomes an activity by itself; the function tool runs in the workflow."""

from agents import Agent, MaxTurnsExceeded, ModelSettings, RunConfig, Runner, function_tool
from temporalio import workflow
from temporalio.exceptions import ApplicationError

MAX_TURNS = 4


# A coroutine: the SDK runs plain functions in a thread, and a workflow has none.
@function_tool
async def count_lines(poem: str) -> int:
    """Count the lines of a poem."""
    return len(poem.splitlines())


@workflow.defn
class PoemWorkflow:
    """Writes three lines on a topic."""

    @workflow.run
    async def run(self, topic: str) -> str:
        """The poem. Fails when the agent goes round in circles."""
        poet = Agent(
            name="Poet",
            model="gpt-4o-mini",
            instructions="You write poems of three lines and check that there are three.",
            tools=[count_lines],
        )
        config = RunConfig(workflow_name="Poem", model_settings=ModelSettings(temperature=0.7, max_tokens=200))
        try:
            result = await Runner.run(poet, topic, max_turns=MAX_TURNS, run_config=config)
        except MaxTurnsExceeded as error:
            # An exception that Temporal does not know would retry the workflow task for ever: name the failure.
            raise ApplicationError(str(error), type="MaxTurnsExceeded", non_retryable=True) from error
        return str(result.final_output)
