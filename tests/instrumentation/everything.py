"""A run that has everything the Agents SDK can do in a workflow, and the model's script for it."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from agents import Agent, GuardrailFunctionOutput, Runner, custom_span, function_tool, input_guardrail, trace
    from agents.mcp import MCPServer
    from mcp.types import CallToolResult, Tool
    from temporalio.openai_agents.workflow import temporal_mcp_server

    from sample_workflows.model_server import Call, Handoff, Rule, Text, ToolCalls

TIMETABLE = "timetable"
PATIENCE = timedelta(seconds=60)
failing: dict[str, int] = {}
"""By workflow id, how many workflow tasks are still to fail."""


class Timetable(MCPServer):
    """An MCP server without a process of its own; the integration calls it in activities."""

    @property
    def name(self) -> str:
        """See base class."""
        return TIMETABLE

    async def connect(self) -> None:
        """Nothing to connect to."""

    async def cleanup(self) -> None:
        """Nothing to close."""

    async def list_tools(self, run_context: Any = None, agent: Any = None) -> list[Tool]:
        """One tool."""
        return [Tool.model_validate({"name": "next_train", "inputSchema": {"type": "object"}})]

    async def call_tool(
        self, tool_name: str, arguments: dict[str, Any] | None, meta: dict[str, Any] | None = None
    ) -> CallToolResult:
        """Always the same train."""
        return CallToolResult.model_validate({"content": [{"type": "text", "text": "08:10"}]})

    async def list_prompts(self) -> Any:
        """It has none."""
        raise NotImplementedError

    async def get_prompt(self, name: str, arguments: dict[str, Any] | None = None) -> Any:
        """It has none."""
        raise NotImplementedError


@function_tool
async def shout(text: str) -> str:
    """A tool that runs in the workflow itself."""
    with custom_span("take a breath"):
        return text.upper()


@input_guardrail
def polite(context: Any, agent: Any, said: Any) -> GuardrailFunctionOutput:
    """Nothing trips it."""
    return GuardrailFunctionOutput(output_info=None, tripwire_triggered=False)


@workflow.defn(sandboxed=False)  # it fails by a count that outlives it
class Everything:
    """Greets, hands over, looks into the timetable and answers; fails workflow tasks on its way, if asked to."""

    @workflow.run
    async def run(self) -> str:
        booking = Agent(
            name="Booking", instructions="You book.", model="scripted-1",
            mcp_servers=[temporal_mcp_server(TIMETABLE, {"start_to_close_timeout": PATIENCE})],
        )  # fmt: skip
        desk = Agent(
            name="Desk", instructions="You greet.", model="scripted-1", tools=[shout], handoffs=[booking],
            input_guardrails=[polite],
        )  # fmt: skip
        with trace("Trip"), custom_span("plan"):
            result = await Runner.run(desk, workflow.info().workflow_id)
            await asyncio.sleep(0)  # the task is not over when the agent is
            stumble()
        return str(result.final_output)

    @workflow.query
    def well(self) -> bool:
        """Whether it is."""
        return True


def stumble() -> None:
    """Fail the workflow task, if that is still to be."""
    left = failing.get(workflow.info().workflow_id, 0)
    if left:
        failing[workflow.info().workflow_id] = left - 1
        raise RuntimeError("a bug, to be mended while the run waits")


def script() -> list[Rule]:
    """Shout, hand over, ask for the train, answer."""
    train = Call("next_train", {"origin": "Oslo", "destination": "Bergen"})
    return [
        Rule("greet", ToolCalls.of(Call("shout", {"text": "hello"})), instructions="You greet", after=""),
        Rule("hand over", Handoff("Booking"), instructions="You greet"),
        Rule("answer", Text("At eight."), after="next_train"),
        Rule("look", ToolCalls.of(train)),
    ]
