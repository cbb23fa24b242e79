"""A run that has others work for it: child workflows, and Nexus operations of a service."""

import asyncio

import nexusrpc
import nexusrpc.handler
from temporalio import nexus, workflow

with workflow.unsafe.imports_passed_through():
    from agents import custom_span, trace

    from tests.instrumentation.scenario import Errand


@nexusrpc.service
class Desk:
    """What the service offers."""

    quote: nexusrpc.Operation[str, str]
    book: nexusrpc.Operation[str, str]


@nexusrpc.handler.service_handler(service=Desk)
class DeskHandler:
    """How it does it: at once, or by a workflow."""

    @nexusrpc.handler.sync_operation
    async def quote(self, _context: nexusrpc.handler.StartOperationContext, place: str) -> str:
        """Everybody goes to Bern."""
        if place != "Bern":
            raise nexusrpc.OperationError("nobody goes there", state=nexusrpc.OperationErrorState.FAILED)
        return "cheap"

    @nexus.workflow_run_operation
    async def book(self, context: nexus.WorkflowRunOperationContext, key: str) -> nexus.WorkflowHandle[str]:
        """The request's id makes a retried start the same run."""
        return await context.start_workflow(Errand.run, key, id=f"booking-{context.request_id}")


@workflow.defn
class Branch:
    """Two children of the same id one after the other, one that cannot start, and three Nexus operations."""

    @workflow.run
    async def run(self, endpoint: str) -> None:
        own = workflow.info().workflow_id
        with trace("Branch"), custom_span("children"):
            await workflow.execute_child_workflow(Errand.run, "flaky", id=f"{own}-c")
            await workflow.execute_child_workflow(Errand.run, "plain", id=f"{own}-c")
            refused = workflow.execute_child_workflow(Errand.run, "plain", id=own)
            await asyncio.gather(refused, return_exceptions=True)
        with trace("Branch"), custom_span("service"):
            client = workflow.create_nexus_client(service=Desk, endpoint=endpoint)
            await client.execute_operation(Desk.quote, "Bern")
            await client.execute_operation(Desk.book, "plain")
            await asyncio.gather(client.execute_operation(Desk.quote, "Atlantis"), return_exceptions=True)
