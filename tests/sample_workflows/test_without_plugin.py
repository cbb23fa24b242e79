"""A worker without the plugin and with faults: the samples' results do not depend on either."""

from uuid import uuid4

from sample_workflows.model_server import RATE_LIMITED, Rule
from sample_workflows.research.workflow import ResearchRequest, ResearchWorkflow
from sample_workflows.scripts import RULES
from tests.sample_workflows.conftest import StageFactory


async def test_research_survives_a_closed_library_and_a_rate_limit(stage: StageFactory) -> None:
    """Every search fails at first, the writer's call is rate limited once; the report is written all the same."""
    rules = [Rule("limited", RATE_LIMITED, instructions="You draft a report", first=1), *RULES]
    async with stage(rules=rules, flaky=1.0) as s:
        handle = await s.client.start_workflow(
            ResearchWorkflow.run, ResearchRequest("tides"), id=f"research-{uuid4()}", task_queue=s.task_queue
        )
        assert await handle.result() == "The report: three notes, edited and published."
        attempts = [
            event.activity_task_started_event_attributes.attempt
            async for event in handle.fetch_history_events()
            if event.HasField("activity_task_started_event_attributes")
        ]
        # A planner, three searchers with two model calls each, the writer's second attempt, the editor; three searches.
        assert sorted(attempts)[:8] == [1] * 8
        assert len(attempts) == 12
        assert sorted(attempts)[8] == 2
        assert [record.status for record in s.models.log].count(429) == 1
