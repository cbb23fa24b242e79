"""A schedule that starts a document run again and again; each run finds its schedule in its search attributes."""

from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleHandle,
    ScheduleIntervalSpec,
    ScheduleSpec,
)

from sample_workflows.child_workflows.workflow import DocumentWorkflow


async def create_schedule(client: Client, schedule_id: str, task_queue: str, every: timedelta) -> ScheduleHandle:
    """Start a DocumentWorkflow each ``every``. Raises ScheduleAlreadyRunningError if there is one of this id."""
    return await client.create_schedule(
        schedule_id,
        Schedule(
            action=ScheduleActionStartWorkflow(
                DocumentWorkflow.run, "The daily log", id=f"{schedule_id}-run", task_queue=task_queue
            ),
            spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        ),
    )
