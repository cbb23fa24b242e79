"""One agent run inside a trace and a custom span: both show on the Run page, around the model calls and the tools."""

from dataclasses import dataclass
from datetime import timedelta

from agents import Agent, Runner, custom_span, trace
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.openai_agents.workflow import activity_as_tool

from sample_workflows.observable.tools import estimate_delivery, look_up_order

INSTRUCTIONS = "You answer customers of a lamp shop. Look the order up, ask the carrier, then answer in one sentence."


@dataclass
class Question:
    """What a customer asks; ``conversation`` groups all traces of one customer."""

    text: str
    conversation: str = "walk-in"


@workflow.defn
class ObservableWorkflow:
    """Answers one question."""

    @workflow.run
    async def run(self, question: Question) -> str:
        """The answer as text."""
        agent = Agent(
            name="Order desk",
            model="gpt-4o-mini",
            instructions=INSTRUCTIONS,
            tools=[
                activity_as_tool(tool, start_to_close_timeout=timedelta(seconds=10), retry_policy=RetryPolicy())
                for tool in (look_up_order, estimate_delivery)
            ],
        )
        with trace("Customer question", group_id=question.conversation):
            with custom_span("Answer from the order system", data={"shop": "lamps"}):
                result = await Runner.run(agent, question.text)
            with custom_span("Check the answer"):
                answer = str(result.final_output)
                return answer if answer.endswith(".") else f"{answer}."
