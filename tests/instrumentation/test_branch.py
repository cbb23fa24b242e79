"""What others do for a run, children and Nexus services, hangs in its tree; history names it by the same ids."""

import asyncio

import pytest
from agents import set_trace_processors
from temporalio.api.nexus.v1 import EndpointSpec, EndpointTarget
from temporalio.api.operatorservice.v1 import CreateNexusEndpointRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.openai_agents import OpenAIAgentsPlugin
from temporalio.worker import Worker

from durascope import conventions as c
from durascope.history import read_history
from durascope.identity import RunKey, format_span_id, operation_span_id
from durascope.records import HistoryRecord, Kind, Status
from durascope.testing import InMemory, attribute
from tests.instrumentation.branch import Branch, DeskHandler
from tests.instrumentation.fleet import parameters
from tests.instrumentation.scenario import TRUTH, Errand, lookup
from tests.instrumentation.witness import Witness
from tests.instrumentation.world import World, unique

TREE = """
    invoke_workflow Branch completed
      children
        child Errand ok
          invoke_workflow Errand completed
            lookup ok
              lookup attempt 1 error ValueError
              lookup attempt 2 error ValueError
              lookup attempt 3 ok
        child Errand ok
          invoke_workflow Errand completed
            lookup ok
              lookup attempt 1 ok
        child Errand error WorkflowAlreadyStartedError
      service
        nexus Desk.quote ok
        nexus Desk.book ok
          start_workflow Errand
            invoke_workflow Errand completed
              lookup ok
                lookup attempt 1 ok
        nexus Desk.quote error OperationError
"""


async def branched(world: World, telemetry: InMemory) -> HistoryRecord:
    """One whole run, and what its history says."""
    agents = OpenAIAgentsPlugin(parameters(), Witness())
    client = await Client.connect(world.temporal.address, plugins=[agents, telemetry.plugin()])
    queue = unique("branch")
    target = EndpointTarget(worker=EndpointTarget.Worker(namespace="default", task_queue=queue))
    await client.operator_service.create_nexus_endpoint(
        CreateNexusEndpointRequest(spec=EndpointSpec(name=queue, target=target))
    )
    async with Worker(
        client, task_queue=queue, workflows=[Branch, Errand], activities=[lookup],
        nexus_service_handlers=[DeskHandler()],
    ):  # fmt: skip
        handle: WorkflowHandle[Branch, None] = await client.start_workflow(
            Branch.run, queue, id=queue, task_queue=queue
        )
        await asyncio.wait_for(handle.result(), 90)
        history = await handle.fetch_history()
    return read_history(history.events, "default", handle.id, history.run_id)


async def test_children_and_nexus_operations(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One tree over five runs; each operation has one span id, whoever computes it, and the same parent."""
    monkeypatch.setenv(TRUTH, str(world.truth))
    monkeypatch.setenv("OPENAI_API_KEY", "scripted")
    set_trace_processors([])
    telemetry = InMemory()
    record = await branched(world, telemetry)
    telemetry.assert_tree(TREE)
    told = [(o.kind, o.name, o.status) for o in record.operations]
    assert told == [
        (Kind.CHILD, "Errand", Status.OK),
        (Kind.CHILD, "Errand", Status.OK),
        (Kind.CHILD, "Errand", Status.ERROR),
        (Kind.NEXUS, "Desk.quote", Status.OK),
        (Kind.NEXUS, "Desk.book", Status.OK),
        (Kind.NEXUS, "Desk.quote", Status.ERROR),
    ]
    key = RunKey(record.run.namespace, record.run.workflow_id, record.run.run_id)
    by_id = {format_span_id(operation_span_id(key, o.operation_id)): o for o in record.operations}
    spans = [*telemetry.spans(c.SPAN_CHILD), *telemetry.spans(c.SPAN_NEXUS)]
    assert {format_span_id(s.context.span_id): s.parent.span_id for s in spans if s.context and s.parent} == {
        own: int(o.parent_span_id or "0", 16) for own, o in by_id.items()
    }
    assert [attribute(s, c.OPERATION_KIND) for s in spans] == ["child"] * 3 + ["nexus"] * 3
