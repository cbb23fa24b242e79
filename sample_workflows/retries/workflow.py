"""One parcel, six kinds of failure. Open the run and read the attempts from top to bottom."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from agents import Agent, Runner
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from sample_workflows.retries.tools import clear_customs, print_label, reserve_van, scan_parcel, weigh_parcel

BACKOFF = RetryPolicy(initial_interval=timedelta(milliseconds=200), backoff_coefficient=2.0, maximum_attempts=5)
TWO_ATTEMPTS = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_attempts=2)


@workflow.defn
class ParcelWorkflow:
    """Sends a parcel as far as it gets."""

    @workflow.run
    async def run(self, parcel: str) -> dict[str, str]:
        """What became of each step: its result, or the type of the error that ended it."""
        clerk = Agent(name="Clerk", model="gpt-4o-mini", instructions="You announce parcels to the recipient.")
        return {
            "weigh": await self._step(weigh_parcel, parcel, BACKOFF),
            "van": await self._step(reserve_van, parcel, BACKOFF),
            "label": await self._step(print_label, parcel, TWO_ATTEMPTS),
            "customs": await self._step(clear_customs, parcel, BACKOFF),
            "scan": await self._step(scan_parcel, parcel, BACKOFF, heartbeat=timedelta(seconds=1)),
            "announce": str((await Runner.run(clerk, parcel)).final_output),
        }

    async def _step(
        self, activity: Callable[..., Any], parcel: str, policy: RetryPolicy, heartbeat: timedelta | None = None
    ) -> str:
        try:
            return str(
                await workflow.execute_activity(
                    activity,
                    parcel,
                    start_to_close_timeout=timedelta(seconds=30),
                    heartbeat_timeout=heartbeat,
                    retry_policy=policy,
                )
            )
        except ActivityError as error:
            return f"failed: {error.cause.type if isinstance(error.cause, ApplicationError) else error.cause}"
