"""One real run, whole: an agent whose tool fails twice and then succeeds."""

import uuid
from datetime import timedelta
from typing import Any

from agents import Agent, Model, ModelProvider, ModelResponse, Runner, Usage, set_trace_processors
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.openai_agents import ModelActivityParameters, OpenAIAgentsPlugin
from temporalio.openai_agents.workflow import activity_as_tool
from temporalio.worker import Worker

from durascope import DurascopePlugin
from durascope import conventions as c
from durascope.identity import RunKey, format_span_id, run_span_id
from durascope_dashboard.demo.dev_server import DevServer


class ScriptedModel(Model):
    """First a tool call, then an answer; ten tokens in and five out each time."""

    async def get_response(self, system_instructions: Any, input: Any, *args: Any, **kwargs: Any) -> ModelResponse:
        asked = any(isinstance(item, dict) and item.get("type") == "function_call_output" for item in input)
        usage = Usage(requests=1, input_tokens=10, output_tokens=5, total_tokens=15)
        if asked:
            text = ResponseOutputText(text="Sunny.", type="output_text", annotations=[])
            message = ResponseOutputMessage(
                id="m", content=[text], role="assistant", status="completed", type="message"
            )
            return ModelResponse(output=[message], usage=usage, response_id="resp_2")
        call = ResponseFunctionToolCall(arguments='{"city": "Oslo"}', call_id="c", name="weather", type="function_call")
        return ModelResponse(output=[call], usage=usage, response_id="resp_1")

    def stream_response(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError


class ScriptedProvider(ModelProvider):
    """Gives the scripted model for any name."""

    def get_model(self, model_name: str | None) -> Model:
        return ScriptedModel()


@activity.defn
async def weather(city: str) -> str:
    """Weather of a city; fails on the first two attempts."""
    if activity.info().attempt < 3:
        raise ValueError("no sky")
    return "sun"


@workflow.defn
class WeatherWorkflow:
    """An agent with one activity as its tool."""

    @workflow.run
    async def run(self) -> str:
        policy = RetryPolicy(initial_interval=timedelta(milliseconds=50), backoff_coefficient=2)
        tool = activity_as_tool(weather, start_to_close_timeout=timedelta(seconds=10), retry_policy=policy)
        agent = Agent(name="Forecaster", instructions="Say the weather.", tools=[tool], model="scripted")
        result = await Runner.run(agent, "Weather in Oslo?")
        return str(result.final_output)


def tree(spans: list[ReadableSpan]) -> str:
    """The spans as an indented outline, children by start time."""
    children: dict[int, list[ReadableSpan]] = {}
    known = {span.context.span_id for span in spans if span.context}
    for span in sorted(spans, key=lambda each: (each.start_time or 0, each.end_time or 0, each.name)):
        parent = span.parent.span_id if span.parent and span.parent.span_id in known else 0
        children.setdefault(parent, []).append(span)

    def lines(parent: int, depth: int) -> list[str]:
        found = []
        for span in children.get(parent, []):
            assert span.context is not None
            found.append("  " * depth + span.name + (" !" if span.status.status_code.name == "ERROR" else ""))
            found += lines(span.context.span_id, depth + 1)
        return found

    return "\n".join(lines(0, 0))


async def test_every_attempt_of_a_flaky_tool_is_a_span_in_one_tree(temporal_server: DevServer) -> None:
    """The run is one tree; the tool's three attempts stand in it with outcome, backoff and error."""
    set_trace_processors([])
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    params = ModelActivityParameters(start_to_close_timeout=timedelta(seconds=10))
    plugins = [OpenAIAgentsPlugin(model_params=params, model_provider=ScriptedProvider()), DurascopePlugin(provider)]
    client = await Client.connect(temporal_server.address, plugins=plugins)
    queue = f"tree-{uuid.uuid4()}"
    async with Worker(client, task_queue=queue, workflows=[WeatherWorkflow], activities=[weather]):
        handle = await client.start_workflow(WeatherWorkflow.run, id=queue, task_queue=queue)
        assert await handle.result() == "Sunny."
    spans = list(exporter.get_finished_spans())
    assert tree(spans).startswith("invoke_workflow WeatherWorkflow\n  task Agent workflow\n    invoke_agent Forecaster")
    attempts = [span for span in spans if (span.attributes or {}).get(c.KIND) == c.SPAN_ATTEMPT]
    ends = [(span.attributes or {}).get(c.OUTCOME) for span in attempts if "weather" in span.name]
    assert ends == ["error", "error", "ok"]
    run = RunKey("default", queue, handle.result_run_id or "")
    assert format_span_id(run_span_id(run)) in {format_span_id(s.context.span_id) for s in spans if s.context}
