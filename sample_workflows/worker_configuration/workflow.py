"""One model call whose provider fails twice: the policy in parameters.py is what carries it through."""

from agents import Agent, Runner
from temporalio import workflow


@workflow.defn
class TranslateWorkflow:
    """Translates a sentence."""

    @workflow.run
    async def run(self, sentence: str) -> str:
        """The translation."""
        translator = Agent(name="Translator", model="gpt-4o-mini", instructions="You translate into Norwegian.")
        return str((await Runner.run(translator, sentence)).final_output)
