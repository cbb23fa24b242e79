"""What one Describe says of a pending activity, also where the server's own numbers make no sense."""

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse

from durascope.identity import RunKey
from durascope_dashboard.temporal.pending import observations

KEY = RunKey("default", "w", "r")
NOW = 1_795_440_000


def describe(completed: int | None, interval: int) -> DescribeWorkflowExecutionResponse:
    info = PendingActivityInfo(
        activity_id="1",
        attempt=2,
        state=PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED,
        last_started_time=Timestamp(seconds=NOW - 9),
        next_attempt_schedule_time=Timestamp(seconds=NOW),
        current_retry_interval=Duration(seconds=interval),
        last_attempt_complete_time=None if completed is None else Timestamp(seconds=completed),
    )
    return DescribeWorkflowExecutionResponse(pending_activities=[info])


@pytest.mark.parametrize(
    ("completed", "interval", "delay"),
    [(NOW - 2, 2, 2000.0), (None, NOW, None), (0, NOW, None)],
    ids=["an end", "no end", "an end at zero"],
)
def test_a_delay_is_only_told_from_an_end(completed: int | None, interval: int, delay: float | None) -> None:
    """Where the attempt before has no end, the server counts its interval from 1970: that is no delay."""
    previous, current = observations(KEY, describe(completed, interval), NOW * 1_000_000)
    assert (previous["attempt"], previous["retry_delay_ms"]) == (1, delay)
    assert (current["attempt"], current["next_retry"]) == (2, NOW * 1_000_000)
