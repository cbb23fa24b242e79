"""A token budget for one agent run, kept by the SDK's own hooks."""

from typing import Any

from agents import Agent, ModelResponse, RunContextWrapper, RunHooks
from temporalio.exceptions import ApplicationError


class TokenBudget(RunHooks[Any]):
    """Ends the run after the model call that exceeds the budget: what it cost is known only then."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    async def on_llm_end(self, context: RunContextWrapper[Any], agent: Agent[Any], response: ModelResponse) -> None:
        """Add up and compare."""
        if context.usage.total_tokens > self.limit:
            raise ApplicationError(
                f"{context.usage.total_tokens} tokens used, {self.limit} allowed",
                type="TokenBudgetExceeded",
                non_retryable=True,
            )
