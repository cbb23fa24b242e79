"""A real agent on a scripted model: what the Agents integration itself writes into a history."""

from datetime import timedelta
from uuid import uuid4

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from agents import Agent, Runner, set_trace_processors
    from openai import AsyncOpenAI
    from temporalio.openai_agents.workflow import activity_as_tool

    from sample_workflows.model_server import Call, Fault, Rule, ScriptedServer, Text, ToolCalls, Usage
    from sample_workflows.worker import plugins

RULES = [
    Rule("rate limited", Fault(429, retry_after=1.0), after="", first=1),
    Rule("ask the tool", ToolCalls((Call("forecast", {"city": "Bern"}),)), after=""),
    Rule("answer", Text("Sunny in Bern.")),
]


@activity.defn
async def forecast(city: str) -> str:
    """The weather in a city."""
    return f"{city}: sunny"


@workflow.defn
class Advice:
    """One agent, one tool."""

    @workflow.run
    async def run(self, question: str) -> str:
        """Answer the question."""
        tool = activity_as_tool(forecast, start_to_close_timeout=timedelta(seconds=10))
        agent = Agent(name="Forecaster", instructions="Use the tool.", model="gpt-4.1-mini", tools=[tool])
        return str((await Runner.run(agent, question)).final_output)


async def run_agent(address: str) -> tuple[str, str, Usage]:
    """Run it once, without Durascope's plugin: workflow id, run id, and what the model server billed."""
    set_trace_processors([])
    name = f"advice-{uuid4().hex[:8]}"
    async with (
        ScriptedServer(rules=RULES) as models,
        AsyncOpenAI(base_url=models.base_url, api_key="scripted", max_retries=0) as openai,
    ):
        client = await Client.connect(address, plugins=plugins(openai, instrumented=False))
        async with Worker(client, task_queue=name, workflows=[Advice], activities=[forecast]):
            handle = await client.start_workflow(Advice.run, "Weather?", id=name, task_queue=name)
            assert await handle.result() == "Sunny in Bern."
        return name, handle.result_run_id or "", models.log.billed()
