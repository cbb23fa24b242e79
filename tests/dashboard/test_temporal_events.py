"""The events of one operation, from histories as Temporal writes them."""

import uuid
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from durascope.identity import RunKey
from durascope_dashboard import temporal_events
from durascope_dashboard.demo.dev_server import DevServer, free_port
from durascope_dashboard.exceptions import NotFound, TemporalUnavailable
from durascope_dashboard.temporal.connection import TemporalConfig


@activity.defn
async def shout(words: str) -> str:
    """Its input and result are in the history."""
    if activity.info().attempt == 1:
        raise ValueError("<b>not yet</b>")
    return words.upper()


@workflow.defn
class Shouts:
    """Two activities, so that there is something to leave out."""

    @workflow.run
    async def run(self) -> None:
        """Both, one after the other."""
        for words in ("quiet", "still <i>quiet</i>"):
            await workflow.execute_activity(
                shout, words, start_to_close_timeout=timedelta(seconds=20),
                retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=10)),
            )  # fmt: skip


@pytest.mark.server
async def test_an_operations_events_are_read_with_their_payloads(temporal_server: DevServer) -> None:
    """Scheduled, started with the last failure, completed; input and result as JSON; nothing of the other one."""
    client = await Client.connect(temporal_server.address)
    queue = f"events-{uuid.uuid4()}"
    worker = Worker(
        client, task_queue=queue, workflows=[Shouts], activities=[shout],
        workflow_runner=UnsandboxedWorkflowRunner(),  # this module imports far more than a workflow may
    )  # fmt: skip
    async with worker:
        handle = await client.start_workflow(Shouts.run, id=queue, task_queue=queue)
        await handle.result()
    history = await handle.fetch_history()
    second = [e.event_id for e in history.events if e.HasField("activity_task_scheduled_event_attributes")][1]
    key = RunKey("default", queue, handle.first_execution_run_id or "")
    config = TemporalConfig(address=temporal_server.address)
    found = await temporal_events.read(key, second, closed=True, config=config)
    kinds = [event["eventType"].removeprefix("EVENT_TYPE_ACTIVITY_TASK_") for event in found]
    assert kinds == ["SCHEDULED", "STARTED", "COMPLETED"]
    assert found[0]["activityTaskScheduledEventAttributes"]["input"]["payloads"] == ["still <i>quiet</i>"]
    assert found[1]["activityTaskStartedEventAttributes"]["lastFailure"]["message"] == "<b>not yet</b>"
    assert found[2]["activityTaskCompletedEventAttributes"]["result"]["payloads"] == ["STILL <I>QUIET</I>"]
    with pytest.raises(NotFound, match="retention"):
        await temporal_events.read(RunKey("default", "nobody", str(uuid.uuid4())), 1, closed=True, config=config)


def test_what_nobody_can_read_is_described() -> None:
    """An encrypted payload is named with its size; base64 is no answer."""
    event = HistoryEvent(event_id=5)
    payload = event.activity_task_scheduled_event_attributes.input.payloads.add()
    payload.metadata["encoding"] = b"binary/encrypted"
    payload.data = b"\x00" * 40
    other = HistoryEvent(event_id=6)
    other.activity_task_started_event_attributes.scheduled_event_id = 4
    found = temporal_events.related([event, other], 5)
    assert [told["eventId"] for told in found] == ["5"]
    assert found[0]["activityTaskScheduledEventAttributes"]["input"]["payloads"] == [
        {"encoding": "binary/encrypted", "bytes": 40, "note": "not readable without the codec of the workers"}
    ]


def test_no_server_is_said() -> None:
    """The page shows the sentence in place of the events."""
    config = TemporalConfig(address=f"127.0.0.1:{free_port()}")
    with pytest.raises(TemporalUnavailable, match="TEMPORAL_ADDRESS"):
        temporal_events.events_of(RunKey("default", "w", "r"), 5, closed=True, config=config)
