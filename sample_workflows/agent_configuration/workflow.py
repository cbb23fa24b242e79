"""A concierge plans a trip with five kinds of tools and hands over to the booking desk."""

from datetime import timedelta

from agents import Agent, ModelSettings, Runner, WebSearchTool, function_tool, handoff
from temporalio import workflow
from temporalio.openai_agents.workflow import activity_as_tool, temporal_mcp_server

from sample_workflows.agent_configuration.tools import find_hotel


@function_tool
async def nights_between(arrival: int, departure: int) -> int:
    """Nights between two days of one month. Pure, so it runs in the workflow: no activity, no retry, no queue."""
    return departure - arrival


def booking_desk() -> Agent[None]:
    """Confirms what the concierge has planned."""
    return Agent(name="Booking desk", model="gpt-4o-mini", instructions="You confirm bookings in one sentence.")


def concierge() -> Agent[None]:
    """Plans the trip."""
    return Agent(
        name="Concierge",
        model="gpt-4o",
        instructions="You plan trips: sights from the web, nights, a hotel, a train. Then hand over to booking.",
        model_settings=ModelSettings(temperature=0.2, max_tokens=500, parallel_tool_calls=False),
        tools=[
            nights_between,
            activity_as_tool(find_hotel, start_to_close_timeout=timedelta(seconds=10)),
            WebSearchTool(),
        ],
        # The worker offers a server of this name; listing and calling its tools are activities.
        mcp_servers=[temporal_mcp_server("timetable")],
        handoffs=[handoff(booking_desk())],
    )


@workflow.defn
class TripWorkflow:
    """Plans a trip and books it."""

    @workflow.run
    async def run(self, wish: str) -> str:
        """The booking desk's confirmation."""
        return str((await Runner.run(concierge(), wish)).final_output)
