"""The Temporal calls that reading runs needs, page by page, so that no history is ever whole in memory."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import HistoryEventFilterType, WorkflowExecutionStatus
from temporalio.api.history.v1 import History
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryRequest,
    ListWorkflowExecutionsRequest,
    ListWorkflowExecutionsResponse,
)
from temporalio.client import Client

from durascope.identity import RunKey
from durascope_dashboard.temporal.availability import Availability

CALL_TIMEOUT = timedelta(seconds=10)
# The server answers a long poll after about 20 s with nothing.
POLL_TIMEOUT = timedelta(seconds=40)
HISTORY_PAGE = 256
PAGE_BYTES = 1_000_000
LIST_PAGE = 1000


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Some events, and where to go on; an empty token is the end."""

    history: History
    token: bytes


def page_size(info: WorkflowExecutionInfo) -> int:
    """Events a page, so that a page of a history full of documents is about 1 MB too."""
    if not info.history_size_bytes:
        return HISTORY_PAGE
    event = info.history_size_bytes / max(info.history_length, 1)
    return max(1, min(HISTORY_PAGE, int(PAGE_BYTES / event)))


async def history_page(
    client: Client, key: RunKey, token: bytes, *, wait: bool, size: int = HISTORY_PAGE
) -> HistoryPage:
    """The next page. ``wait``: of an open run, block (some 20 s) until there is a new event. Raises RPCError."""
    response = await client.workflow_service.get_workflow_execution_history(
        GetWorkflowExecutionHistoryRequest(
            namespace=key.namespace,
            execution=WorkflowExecution(workflow_id=key.workflow_id, run_id=key.run_id),
            maximum_page_size=size,
            next_page_token=token,
            wait_new_event=wait,
            history_event_filter_type=HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT,
            skip_archival=True,
        ),
        timeout=POLL_TIMEOUT if wait else CALL_TIMEOUT,
    )
    return HistoryPage(response.history, response.next_page_token)


async def list_runs(
    client: Client, namespace: str, query: str, *, server: Availability | None = None
) -> AsyncIterator[Sequence[WorkflowExecutionInfo]]:
    """Pages of visibility. ``server``: its absence is waited out. Raises RPCError."""
    request = ListWorkflowExecutionsRequest(namespace=namespace, query=query, page_size=LIST_PAGE)

    async def call() -> ListWorkflowExecutionsResponse:
        return await client.workflow_service.list_workflow_executions(request, timeout=CALL_TIMEOUT)

    while True:
        response = await (server.until_answered(call) if server is not None else call())
        yield response.executions
        request.next_page_token = response.next_page_token
        if not response.next_page_token:
            return


async def describe(client: Client, key: RunKey) -> DescribeWorkflowExecutionResponse:
    """Describe one run: its pending activities are the only sight of attempts under way. Raises RPCError."""
    return await client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(
            namespace=key.namespace, execution=WorkflowExecution(workflow_id=key.workflow_id, run_id=key.run_id)
        ),
        timeout=CALL_TIMEOUT,
    )


def run_key(namespace: str, info: WorkflowExecutionInfo) -> RunKey:
    """The key of a listed run."""
    return RunKey(namespace, info.execution.workflow_id, info.execution.run_id)


def is_open(info: WorkflowExecutionInfo) -> bool:
    """Whether visibility still holds it for running (paused counts)."""
    return info.status in (
        WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING,
        WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED,
    )
