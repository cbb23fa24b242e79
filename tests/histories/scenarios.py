"""Small workflows, one for each thing that a history can hold."""

import asyncio
from datetime import timedelta

import nexusrpc.handler
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError, FailureError

with workflow.unsafe.imports_passed_through():
    from tests.histories.activities import cancellable, exhausted, flaky, ms, rate_limited, refused, stuck

NOBODY = "nobody-polls-this-queue"
INTERVAL_S = 0.2
SECONDS = timedelta(seconds=60)


def policy(maximum_attempts: int = 0) -> RetryPolicy:
    """Retries after 0.2 s, 0.4 s ..."""
    return RetryPolicy(
        initial_interval=timedelta(seconds=INTERVAL_S), backoff_coefficient=2.0, maximum_attempts=maximum_attempts
    )


@workflow.defn
class Retried:
    """Two failures and a success; a provider's Retry-After; a failure that is final."""

    @workflow.run
    async def run(self) -> None:
        """See the class."""
        await workflow.execute_activity(flaky, 0, start_to_close_timeout=SECONDS, retry_policy=policy())
        await workflow.execute_activity(flaky, 1, start_to_close_timeout=SECONDS, retry_policy=policy())
        await workflow.execute_activity(flaky, 3, start_to_close_timeout=SECONDS, retry_policy=policy())
        await workflow.execute_activity(rate_limited, start_to_close_timeout=SECONDS, retry_policy=policy())
        for fail, limit in ((refused, 5), (exhausted, 2)):
            try:
                await workflow.execute_activity(
                    fail, start_to_close_timeout=SECONDS, retry_policy=policy(maximum_attempts=limit)
                )
            except ActivityError:
                continue


@workflow.defn
class Slow:
    """An activity that fails twice, with seconds between."""

    @workflow.run
    async def run(self) -> None:
        """See the class."""
        await workflow.execute_activity(
            flaky, 2, start_to_close_timeout=SECONDS,
            retry_policy=RetryPolicy(initial_interval=ms(1500), backoff_coefficient=1.0),
        )  # fmt: skip


@workflow.defn
class Asks:
    """One model call."""

    @workflow.run
    async def run(self) -> None:
        """See the class."""
        await workflow.execute_activity(
            "invoke_model_activity", {"model_name": "gpt-4.1", "input": "secret"}, start_to_close_timeout=SECONDS
        )


@workflow.defn
class TimedOut:
    """Every sort of activity timeout, in parallel."""

    @workflow.run
    async def run(self) -> None:
        """See the class."""
        once, twice = policy(maximum_attempts=1), policy(maximum_attempts=2)
        await asyncio.gather(
            workflow.execute_activity(
                stuck, activity_id="start-to-close", start_to_close_timeout=ms(400), retry_policy=twice
            ),
            workflow.execute_activity(
                stuck,
                activity_id="heartbeat",
                start_to_close_timeout=SECONDS,
                heartbeat_timeout=ms(400),
                retry_policy=once,
            ),
            workflow.execute_activity(
                stuck,
                activity_id="schedule-to-start",
                task_queue=NOBODY,
                schedule_to_start_timeout=ms(400),
                start_to_close_timeout=SECONDS,
            ),
            workflow.execute_activity(
                flaky,
                99,
                activity_id="schedule-to-close",
                schedule_to_close_timeout=SECONDS,
                retry_policy=RetryPolicy(initial_interval=2 * SECONDS),
            ),
            return_exceptions=True,
        )


@workflow.defn
class Unserved:
    """The second attempt finds nobody who polls its queue until schedule-to-close is over."""

    @workflow.run
    async def run(self, queue: str) -> None:
        """See the class."""
        try:
            await workflow.execute_activity(
                "tried_once", task_queue=queue, schedule_to_close_timeout=ms(5000),
                retry_policy=RetryPolicy(initial_interval=ms(4000)),
            )  # fmt: skip
        except ActivityError:
            return


@workflow.defn
class Cancelled:
    """Cancels one activity that runs and one that waits for its next attempt, then waits to be cancelled itself."""

    @workflow.run
    async def run(self) -> None:
        """See the class."""
        wait = workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
        running = workflow.start_activity(
            cancellable,
            activity_id="running",
            start_to_close_timeout=SECONDS,
            heartbeat_timeout=SECONDS,
            cancellation_type=wait,
        )
        retrying = workflow.start_activity(
            flaky, 99, activity_id="retrying", start_to_close_timeout=SECONDS,
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=30)), cancellation_type=wait,
        )  # fmt: skip
        await workflow.sleep(0.5)
        running.cancel()
        retrying.cancel()
        await asyncio.gather(running, retrying, return_exceptions=True)
        await workflow.sleep(60)


@workflow.defn
class Continued:
    """Continues as new, so many times."""

    @workflow.run
    async def run(self, left: int) -> int:
        """See the class."""
        await workflow.execute_activity(flaky, 0, start_to_close_timeout=SECONDS)
        if left:
            workflow.continue_as_new(left - 1)
        return left


@workflow.defn
class Child:
    """Ends as it is told."""

    @workflow.run
    async def run(self, how: str) -> str:
        """See the class."""
        if how == "fail":
            raise ApplicationError("the child failed", type="ChildTrouble")
        if how == "wait":
            await workflow.sleep(60)
        return how


@workflow.defn
class Parent:
    """A child that ends well, one that fails, one that times out, one that is cancelled."""

    @workflow.run
    async def run(self) -> None:
        """See the class."""
        name = workflow.info().workflow_id
        await workflow.execute_child_workflow(Child.run, "return", id=f"{name}-ok")
        for how, limit in (("fail", None), ("wait", timedelta(seconds=1))):
            try:
                await workflow.execute_child_workflow(Child.run, how, id=f"{name}-{how}", execution_timeout=limit)
            except ChildWorkflowError:
                continue
        waiting = await workflow.start_child_workflow(Child.run, "wait", id=f"{name}-cancelled")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


@workflow.defn
class Local:
    """Local activities: at once, after a short backoff in the worker, after a long one by timer, never."""

    @workflow.run
    async def run(self) -> None:
        """See the class."""
        await workflow.execute_local_activity(flaky, 0, activity_id="first", start_to_close_timeout=SECONDS)
        await workflow.execute_local_activity(
            flaky, 1, activity_id="second", start_to_close_timeout=SECONDS, retry_policy=policy()
        )
        await workflow.execute_local_activity(
            flaky, 1, activity_id="by-timer", start_to_close_timeout=SECONDS, retry_policy=policy(),
            local_retry_threshold=ms(50),
        )  # fmt: skip
        try:
            await workflow.execute_local_activity(refused, activity_id="refused", start_to_close_timeout=SECONDS)
        except FailureError:
            return


@workflow.defn
class LocalByTimer:
    """Two local activities side by side that timers bring back; nobody gave them ids, so each attempt has its own."""

    @workflow.run
    async def run(self) -> None:
        """See the class."""
        await asyncio.gather(
            *(
                workflow.execute_local_activity(
                    flaky, failures, start_to_close_timeout=SECONDS, retry_policy=policy(),
                    local_retry_threshold=ms(50),
                )
                for failures in (1, 2)
            )
        )  # fmt: skip


@workflow.defn
class Waiting:
    """A sleep that a signal only happens to fall into, a wait that a signal ends, a wait that an update ends."""

    def __init__(self) -> None:
        self.approved = self.chosen = False
        self.notes = 0

    @workflow.run
    async def run(self) -> None:
        """See the class."""
        await workflow.sleep(1.5)
        timer = asyncio.create_task(workflow.sleep(60))
        await workflow.wait_condition(lambda: self.approved)
        timer.cancel()
        await asyncio.gather(timer, return_exceptions=True)
        await workflow.execute_activity(flaky, 0, start_to_close_timeout=SECONDS)
        await workflow.wait_condition(lambda: self.chosen)

    @workflow.signal
    def approve(self) -> None:
        """A person approves."""
        self.approved = True

    @workflow.signal
    def note(self) -> None:
        """Nobody waits for this."""
        self.notes += 1

    @workflow.update
    def choose(self, what: str) -> str:
        """A person chooses."""
        self.chosen = True
        return what

    @choose.validator
    def check(self, what: str) -> None:
        """An empty choice is refused."""
        if not what:
            raise ApplicationError("nothing chosen")


@workflow.defn
class Broken:
    """Its first workflow tasks fail in code, the next goes well."""

    @workflow.run
    async def run(self, failures: int) -> None:
        """See the class."""
        if len(BROKEN) < failures:
            BROKEN.append(None)
            raise RuntimeError("a bug in the workflow's code")


BROKEN: list[None] = []


@nexusrpc.service
class Weather:
    """What other teams may call."""

    forecast: nexusrpc.Operation[str, str]


@nexusrpc.handler.service_handler(service=Weather)
class WeatherHandler:
    """Its handler, in the same worker."""

    @nexusrpc.handler.sync_operation
    async def forecast(self, _context: nexusrpc.handler.StartOperationContext, city: str) -> str:
        """Sunny in Bern; elsewhere nobody knows."""
        if city != "Bern":
            raise nexusrpc.OperationError("no such city", state=nexusrpc.OperationErrorState.FAILED)
        return "sunny"


@workflow.defn
class CallsNexus:
    """A Nexus operation that ends well and one that fails."""

    @workflow.run
    async def run(self, endpoint: str) -> None:
        """See the class."""
        client = workflow.create_nexus_client(service=Weather, endpoint=endpoint)
        await client.execute_operation(Weather.forecast, "Bern")
        await asyncio.gather(client.execute_operation(Weather.forecast, "Atlantis"), return_exceptions=True)


WORKFLOWS = [
    Retried,
    Slow,
    Asks,
    TimedOut,
    Unserved,
    Cancelled,
    Continued,
    Child,
    Parent,
    Local,
    LocalByTimer,
    Waiting,
    Broken,
    CallsNexus,
]
