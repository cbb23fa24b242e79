"""An account desk that asks a person before it deletes anything and waits for the answer as long as it takes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from agents import Agent, FunctionTool, InputGuardrailTripwireTriggered, Runner, RunResult, custom_span, trace
from temporalio import workflow
from temporalio.openai_agents.workflow import activity_as_tool

from sample_workflows.security.caller import AccountRequest, Caller
from sample_workflows.security.guardrails import no_injection, redact, require_permission
from sample_workflows.security.tools import delete_account, read_account


def guarded(activity: Callable[..., Any], *, needs_approval: bool = False) -> FunctionTool:
    """An activity as a tool that checks the caller's permission first."""
    tool = activity_as_tool(activity, start_to_close_timeout=timedelta(seconds=10))
    assert isinstance(tool, FunctionTool)
    return replace(tool, tool_input_guardrails=[require_permission], needs_approval=needs_approval)


def account_desk() -> Agent[Caller]:
    """Reads accounts, and deletes them when a person agrees."""
    return Agent(
        name="Account desk",
        model="gpt-4o-mini",
        instructions="You manage accounts with your tools.",
        tools=[guarded(read_account), guarded(delete_account, needs_approval=True)],
        input_guardrails=[no_injection],
    )


@workflow.defn
class AccountWorkflow:
    """Handles one request. While it waits for a decision it costs nothing and survives any restart."""

    def __init__(self) -> None:
        self._pending: list[str] = []
        self._decision: bool | None = None

    @workflow.run
    async def run(self, request: AccountRequest) -> str:
        """The answer, with card numbers hidden."""
        desk = account_desk()
        with trace("Account request", metadata={"caller": request.caller.name}):
            try:
                result = await Runner.run(desk, request.text, context=request.caller)
            except InputGuardrailTripwireTriggered as tripped:
                return f"Refused: {tripped.guardrail_result.guardrail.get_name()}."
            while result.interruptions:
                result = await self._after_decision(desk, result, request.approval_timeout_s)
            with custom_span("Filter the output"):
                return redact(str(result.final_output))

    async def _after_decision(self, desk: Agent[Caller], result: RunResult, timeout_s: float | None) -> RunResult:
        """Wait for a person, then go on where the agent stopped; silence is a no."""
        self._pending, self._decision = [f"{call.name} {call.arguments}" for call in result.interruptions], None
        limit = None if timeout_s is None else timedelta(seconds=timeout_s)
        with custom_span("Wait for approval", data={"calls": self._pending}):
            try:
                await workflow.wait_condition(lambda: self._decision is not None, timeout=limit)
            except TimeoutError:
                self._decision = False
        state = result.to_state()
        for call in result.interruptions:
            if self._decision:
                state.approve(call)
            else:
                state.reject(call)
        self._pending = []
        return await Runner.run(desk, state)

    @workflow.query
    def pending(self) -> list[str]:
        """The calls that wait for a decision."""
        return self._pending

    @workflow.update
    async def decide(self, approved: bool) -> str:
        """Approve or reject what is pending."""
        self._decision = approved
        return "approved" if approved else "rejected"

    @decide.validator
    def _something_is_pending(self, approved: bool) -> None:
        if not self._pending or self._decision is not None:
            raise ValueError("nothing waits for a decision")
