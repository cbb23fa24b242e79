"""The run that `overhead.py` measures: four model calls, two tools that are activities, one that is not."""

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from agents import Agent, Runner, function_tool
    from temporalio.openai_agents import ModelActivityParameters, OpenAIAgentsPlugin
    from temporalio.openai_agents.workflow import activity_as_tool

    from sample_workflows.model_server import Call, ModelRequest, Rule, Text, ToolCalls

Arm = Literal["none", "stock", "durascope"]
ARMS: tuple[Arm, ...] = ("none", "stock", "durascope")
TIMEOUT = timedelta(seconds=60)
ORDER = ("find", "book", "add")


@activity.defn
async def find(place: str) -> str:
    """Find a hotel."""
    return f"hotel in {place}"


@activity.defn
async def book(place: str) -> str:
    """Book it."""
    return f"booked {place}"


@function_tool
async def add(place: str) -> str:
    """A tool that runs in the workflow."""
    return place


@workflow.defn
class Errand:
    """An agent that uses each tool once."""

    @workflow.run
    async def run(self, place: str) -> str:
        """Run the agent."""
        tools = [activity_as_tool(each, start_to_close_timeout=TIMEOUT) for each in (find, book)]
        agent = Agent(name="Clerk", instructions="Book a hotel.", tools=[*tools, add], model="gpt-4.1-mini")
        result = await Runner.run(agent, place)
        return str(result.final_output)


def rules() -> list[Rule]:
    """The model's script."""

    def call(request: ModelRequest) -> ToolCalls:
        return ToolCalls.of(Call(ORDER[len(request.called)], {"place": request.user}))

    return [Rule("call", call, when=lambda request: len(request.called) < len(ORDER)), Rule("done", Text("Booked."))]


async def worker(address: str, arm: Arm) -> tuple[Worker, Any]:
    """A worker for one arm, and what has a ``force_flush`` there (None: nothing)."""
    plugins, flushable = _telemetry(arm)
    agents = OpenAIAgentsPlugin(
        ModelActivityParameters(start_to_close_timeout=TIMEOUT), use_otel_instrumentation=arm == "stock"
    )
    client = await Client.connect(address, plugins=[agents, *plugins])
    return Worker(client, task_queue=f"overhead-{arm}", workflows=[Errand], activities=[find, book]), flushable


def _telemetry(arm: Arm) -> tuple[Sequence[Any], Any]:
    if arm == "none":
        return [], None
    if arm == "durascope":
        from durascope import DurascopePlugin

        plugin = DurascopePlugin()
        return [plugin], plugin
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from temporalio.contrib.opentelemetry import OpenTelemetryPlugin, create_tracer_provider

    provider = create_tracer_provider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return [OpenTelemetryPlugin(add_temporal_spans=True)], provider


os.environ.setdefault("OPENAI_API_KEY", "scripted")
