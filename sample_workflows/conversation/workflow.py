"""A conversation as an entity: one workflow id for ever, one run for every few turns."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from agents import Agent, RunContextWrapper, Runner, function_tool, trace
from temporalio import workflow

TURNS_A_RUN = 3


@dataclass
class Memory:
    """What the tools have learnt: the agent's context, carried from run to run."""

    facts: dict[str, str] = field(default_factory=dict)


@dataclass
class ConversationState:
    """Everything that the next run needs. ``history`` is the model's view of the conversation.

    It holds response items, but is not typed as such: decoding their large union would be lossy.
    """

    history: list[Any] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)
    tone: str = "friendly"
    turns: int = 0
    idle_timeout_s: float = 3600.0


@function_tool
async def remember(context: RunContextWrapper[Memory], key: str, value: str) -> str:
    """Remember a fact about the guest."""
    context.context.facts[key] = value
    return f"noted: {key}"


@workflow.defn
class ConversationWorkflow:
    """Answers as long as somebody talks; closes after a while of silence."""

    @workflow.init
    def __init__(self, state: ConversationState) -> None:
        self._state = state
        self._turns = 0
        self._heard = False
        self._closing = False
        self._speaking = asyncio.Lock()

    @workflow.run
    async def run(self, state: ConversationState) -> int:
        """Turns in all. A new run begins after a few, so that no history grows without bound."""
        while not self._closing:
            self._heard = False
            try:
                await workflow.wait_condition(
                    lambda: self._heard or self._closing, timeout=timedelta(seconds=self._state.idle_timeout_s)
                )
            except TimeoutError:
                break
            if self._turns >= TURNS_A_RUN:
                # Updates that are being answered belong to this run: let them finish before the next one begins.
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(self._state)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._state.turns

    @workflow.update
    async def say(self, text: str) -> str:
        """Say something; the answer is the agent's."""
        async with self._speaking:  # one turn at a time
            agent = Agent[Memory](
                name="Innkeeper",
                model="gpt-4o-mini",
                instructions=f"You keep an inn and are {self._state.tone}.",
                tools=[remember],
            )
            with trace("Conversation turn", group_id=workflow.info().workflow_id):
                result = await Runner.run(
                    agent, [*self._state.history, {"role": "user", "content": text}], context=self._state.memory
                )
            self._state.history = result.to_input_list()
            self._state.turns += 1
            self._turns += 1
            self._heard = True
            return str(result.final_output)

    @workflow.update
    def set_tone(self, tone: str) -> None:
        """Change how the innkeeper speaks from the next turn on."""
        self._state.tone = tone

    @workflow.signal
    def close(self) -> None:
        """End the conversation."""
        self._closing = True

    @workflow.query
    def facts(self) -> dict[str, str]:
        """What is remembered."""
        return self._state.memory.facts

    @workflow.query
    def turns(self) -> int:
        """Turns in all runs together."""
        return self._state.turns
