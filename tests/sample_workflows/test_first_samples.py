"""The two first samples on a real server: their results, their attempts, and who was asked."""

from uuid import uuid4

from sample_workflows.model_server import RATE_LIMITED, Rule
from sample_workflows.observable.workflow import ObservableWorkflow, Question
from sample_workflows.research.library import Library
from sample_workflows.research.workflow import ResearchRequest, ResearchWorkflow
from sample_workflows.scripts import ALL_RULES
from tests.sample_workflows.conftest import StageFactory


async def test_observable_answers_with_both_tools(stage: StageFactory) -> None:
    """Three model calls and two tool activities lead to one sentence."""
    async with stage() as s:
        answer = await s.client.execute_workflow(
            ObservableWorkflow.run,
            Question("Where is order 4711?"),
            id=f"observable-{uuid4()}",
            task_queue=s.task_queue,
        )
        assert answer == "Your desk lamp is on its way: Northpost delivers in 2 days."
        assert [record.rule for record in s.models.log] == [
            "order desk: look up",
            "order desk: ask the carrier",
            "order desk: answer",
        ]


async def test_research_survives_a_closed_library_and_a_rate_limit(stage: StageFactory) -> None:
    """One search fails twice, the writer's call is rate limited once; the report is written all the same."""
    library = Library(fail_first=lambda workflow_id, query: 2 if query.startswith("history") else 0)
    rules = [Rule("limited", RATE_LIMITED, instructions="You draft a report", first=1), *ALL_RULES]
    async with stage(rules=rules, tools=[library.search_library]) as s:
        handle = await s.client.start_workflow(
            ResearchWorkflow.run, ResearchRequest("tides"), id=f"research-{uuid4()}", task_queue=s.task_queue
        )
        assert await handle.result() == "The report: three notes, edited and published."
        attempts = [
            event.activity_task_started_event_attributes.attempt
            async for event in handle.fetch_history_events()
            if event.HasField("activity_task_started_event_attributes")
        ]
        assert sorted(attempts) == [1] * 10 + [2, 3]
        assert [record.status for record in s.models.log].count(429) == 1
