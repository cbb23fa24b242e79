"""Runs every scenario on a real server and keeps its histories, with the truth beside them.

``python -m tests.histories.recording`` writes the golden files anew.
"""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from google.protobuf.json_format import MessageToDict
from temporalio import activity
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.nexus.v1 import EndpointSpec, EndpointTarget
from temporalio.api.operatorservice.v1 import CreateNexusEndpointRequest
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from durascope.history import load_history_json, read_history
from durascope.records import HistoryRecord
from durascope_dashboard.demo.dev_server import DevServer
from sample_workflows.model_server import Usage
from sample_workflows.model_server.usage import NOTHING
from tests.histories import activities, scenarios
from tests.histories.activities import Truth, ms
from tests.histories.agents import run_agent

GOLDEN = Path(__file__).parent / "golden"


@dataclass(frozen=True)
class Run:
    """One run's events, oldest first."""

    workflow_id: str
    run_id: str
    events: Sequence[HistoryEvent]

    @property
    def record(self) -> HistoryRecord:
        """What the history reader makes of it."""
        return read_history(self.events, "default", self.workflow_id, self.run_id)


@dataclass
class Recording:
    """Histories by scenario, each a list of runs in order of their start; and what the activities wrote down."""

    runs: dict[str, list[Run]] = field(default_factory=dict)
    truth: list[Truth] = field(default_factory=list)
    billed: Usage = NOTHING

    def truth_of(self, run: Run, activity_id: str) -> dict[int, Truth]:
        """By attempt."""
        return {
            entry.attempt: entry
            for entry in self.truth
            if (entry.run_id, entry.activity_id) == (run.run_id, activity_id)
        }


class Recorder:
    """Drives the scenarios."""

    def __init__(self, client: Client, address: str, workflow_task_failures: int) -> None:
        self.client = client
        self.address = address
        self.workflow_task_failures = workflow_task_failures
        self.queue = f"scenarios-{uuid4().hex[:8]}"
        self.recording = Recording()

    async def record(self) -> Recording:
        """Run them all, side by side."""
        activities.TRUTH.clear()
        scenarios.BROKEN.clear()
        worker = Worker(
            self.client,
            task_queue=self.queue,
            workflows=scenarios.WORKFLOWS,
            activities=activities.ACTIVITIES,
            nexus_service_handlers=[scenarios.WeatherHandler()],
            workflow_runner=UnsandboxedWorkflowRunner(),
        )
        async with worker:
            await asyncio.gather(
                self.agent(),
                self.simple("retried", "Retried"),
                self.simple("timed_out_activities", "TimedOut"),
                self.unserved(),
                self.cancelled(),
                self.continued(),
                self.parent(),
                self.simple("local", "Local"),
                self.simple("local_by_timer", "LocalByTimer"),
                self.waiting(),
                self.simple("broken", "Broken", self.workflow_task_failures),
                self.nexus(),
                self.ended_from_outside(),
                self.reset(),
            )
        self.recording.truth = list(activities.TRUTH)
        return self.recording

    async def start(
        self, name: str, workflow: str, *args: object, execution_timeout: timedelta | None = None
    ) -> WorkflowHandle[object, object]:
        """Start a scenario."""
        return await self.client.start_workflow(
            workflow,
            args=list(args),
            id=f"{name}-{self.queue}",
            task_queue=self.queue,
            execution_timeout=execution_timeout,
        )

    async def keep(self, name: str, workflow_id: str, run_id: str | None) -> Run:
        """Fetch a run's history."""
        handle = self.client.get_workflow_handle(workflow_id, run_id=run_id)
        found = run_id or (await handle.describe()).run_id
        events = [event async for event in handle.fetch_history_events()]
        run = Run(workflow_id, found, events)
        self.recording.runs.setdefault(name, []).append(run)
        return run

    async def ended(self, handle: WorkflowHandle[object, object]) -> None:
        """Wait until it has ended, well or not."""
        try:
            await handle.result(follow_runs=False)
        except WorkflowFailureError:
            return

    async def seen(self, handle: WorkflowHandle[object, object], kind: EventType.ValueType, count: int) -> None:
        """Wait until the history has so many events of that type."""
        async for event in handle.fetch_history_events(wait_new_event=True):
            count -= event.event_type == kind
            if not count:
                return

    async def simple(self, name: str, workflow: str, *args: object) -> None:
        """Start, wait, keep."""
        handle = await self.start(name, workflow, *args)
        await self.ended(handle)
        await self.keep(name, handle.id, handle.result_run_id)

    async def agent(self) -> None:
        """An agent with a tool and a 429; what the model server billed stands beside it."""
        workflow_id, run_id, self.recording.billed = await run_agent(self.address)
        await self.keep("agent", workflow_id, run_id)

    async def unserved(self) -> None:
        """A worker of its own goes away after the first attempt."""
        queue, tried = f"{self.queue}-once", asyncio.Event()

        @activity.defn
        async def tried_once() -> None:
            tried.set()
            raise RuntimeError("attempt 1 failed")

        async with Worker(self.client, task_queue=queue, activities=[tried_once]):
            handle = await self.start("unserved", "Unserved", queue)
            await tried.wait()
        await self.ended(handle)
        await self.keep("unserved", handle.id, handle.result_run_id)

    async def cancelled(self) -> None:
        """Cancelled from outside once its own cancelling is over."""
        handle = await self.start("cancelled", "Cancelled")
        await self.seen(handle, EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED, 2)
        await handle.cancel()
        await self.ended(handle)
        await self.keep("cancelled", handle.id, handle.result_run_id)

    async def continued(self) -> None:
        """A chain of two runs."""
        handle = await self.start("continued", "Continued", 1)
        await handle.result()
        first = await self.keep("continued", handle.id, handle.first_execution_run_id)
        await self.keep("continued", handle.id, first.record.run.next_run_id)

    async def parent(self) -> None:
        """The parent, and the child that ended well."""
        handle = await self.start("parent", "Parent")
        await handle.result()
        await self.keep("parent", handle.id, handle.result_run_id)
        await self.keep("parent", f"{handle.id}-ok", None)

    async def waiting(self) -> None:
        """A signal in its sleep, one 0.5 s after it; an update that is refused, then one 0.5 s after the activity."""
        handle = await self.start("waiting", "Waiting")
        await self.seen(handle, EventType.EVENT_TYPE_TIMER_STARTED, 1)
        await handle.signal("note")
        await self.seen(handle, EventType.EVENT_TYPE_TIMER_STARTED, 2)
        await asyncio.sleep(0.5)
        await handle.signal("approve")
        await self.seen(handle, EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, 1)
        await asyncio.sleep(0.5)
        try:
            await handle.execute_update("choose", "")
        except WorkflowUpdateFailedError:
            await handle.execute_update("choose", "sun")
        await handle.result()
        await self.keep("waiting", handle.id, handle.result_run_id)

    async def nexus(self) -> None:
        """With an endpoint of its own."""
        endpoint = f"weather-{uuid4().hex[:8]}"
        target = EndpointTarget(worker=EndpointTarget.Worker(namespace="default", task_queue=self.queue))
        await self.client.operator_service.create_nexus_endpoint(
            CreateNexusEndpointRequest(spec=EndpointSpec(name=endpoint, target=target))
        )
        await self.simple("nexus", "CallsNexus", endpoint)

    async def ended_from_outside(self) -> None:
        """Terminated, failed and timed out runs."""
        terminated = await self.start("terminated", "Child", "wait")
        failed = await self.start("failed", "Child", "fail")
        timed_out = await self.start("timed_out", "Child", "wait", execution_timeout=ms(2500))
        await terminated.terminate(reason="no longer wanted")
        for name, handle in (("terminated", terminated), ("failed", failed), ("timed_out", timed_out)):
            await self.ended(handle)
            await self.keep(name, handle.id, handle.result_run_id)

    async def reset(self) -> None:
        """A run reset to its first workflow task."""
        handle = await self.start("reset", "Continued", 0)
        await handle.result()
        first = await self.keep("reset", handle.id, handle.result_run_id)
        completed = next(e for e in first.events if e.HasField("workflow_task_completed_event_attributes"))
        answer = await self.client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace="default",
                workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=first.run_id),
                workflow_task_finish_event_id=completed.event_id,
                request_id=str(uuid4()),
                reason="try again",
            )
        )
        again = self.client.get_workflow_handle(handle.id, run_id=answer.run_id)
        await self.ended(again)
        await self.keep("reset", handle.id, answer.run_id)


async def record(address: str, *, workflow_task_failures: int = 1) -> Recording:
    """Every scenario on the server at ``address``; a few seconds (ten more with a second workflow task failure)."""
    return await Recorder(await Client.connect(address), address, workflow_task_failures).record()


def save(recording: Recording, folder: Path = GOLDEN) -> None:
    """Write the golden files."""
    folder.mkdir(exist_ok=True)
    index = {}
    for name, runs in recording.runs.items():
        for number, run in enumerate(runs, start=1):
            path = f"{name}-{number}.json"
            index[path] = {"scenario": name, "workflow_id": run.workflow_id, "run_id": run.run_id}
            events = [_anywhere(MessageToDict(event)) for event in run.events]
            (folder / path).write_text(json.dumps({"events": events}, indent=1, ensure_ascii=False) + "\n")
    truth = [asdict(entry) for entry in recording.truth]
    (folder / "index.json").write_text(
        json.dumps({"files": index, "truth": truth, "billed": asdict(recording.billed)}, indent=1) + "\n"
    )


def _anywhere(value: Any) -> Any:
    """The same without what belongs to one machine."""
    if isinstance(value, list):
        return [_anywhere(item) for item in value]
    if isinstance(value, dict):
        return {key: "worker" if key == "identity" else _anywhere(v) for key, v in value.items() if key != "stackTrace"}
    return re.sub(r"^\d+@[^-]+", "worker", value) if isinstance(value, str) else value


def load(folder: Path = GOLDEN) -> Recording:
    """Read the golden files."""
    index = json.loads((folder / "index.json").read_text())
    recording = Recording(truth=[Truth(**entry) for entry in index["truth"]], billed=Usage(**index["billed"]))
    for path, told in index["files"].items():
        file = load_history_json((folder / path).read_bytes())
        recording.runs.setdefault(told["scenario"], []).append(Run(told["workflow_id"], told["run_id"], file.events))
    return recording


if __name__ == "__main__":
    with DevServer() as server:
        save(asyncio.run(record(server.address, workflow_task_failures=2)))
