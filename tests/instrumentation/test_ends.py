"""Each way that an attempt may end, on a real server: told apart in the attempt's record, joined with history."""

import asyncio
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from tests.instrumentation.fleet import Crew, Station, started
from tests.instrumentation.scenario import Errand
from tests.instrumentation.test_matrix import Handle, bare, of, until_told
from tests.instrumentation.world import Account, World, agree, unique

SAID = ("status", "error_type", "retry_by", "retry_delay_ms")
BY_POLICY = ("policy", 100.0)
OK = ("ok", None, None, None)
ENDS: dict[str, list[tuple[Any, ...]]] = {
    "overtime": [("timeout", "StartToClose", *BY_POLICY), OK],
    "beating": [("timeout", "StartToClose", *BY_POLICY), OK],
    "silent": [("timeout", "Heartbeat", *BY_POLICY), OK],
    "late": [("timeout", "Heartbeat", None, None), OK],  # the worker knows only that the server has given it up
    "dropped-slow": [("cancelled", "cancelled", None, None)],
    "fatal": [("error", "NoSuchThing", None, None)],
    "dictated": [("error", "Busy", "server", 300.0), OK],
}


async def errand(client: Client, words: str, queue: str = "plain") -> Handle:
    """Start one."""
    uid = unique(words)
    return await client.start_workflow(Errand.run, uid, id=uid, task_queue=queue)


@pytest.fixture(scope="module")
def errands(fleet: World) -> dict[str, Handle]:
    """All of them, done, side by side: timeouts take their time."""

    async def all_of_them() -> dict[str, Handle]:
        client = await bare(fleet)
        handles = {words: await errand(client, words) for words in ENDS}
        dropped = handles["dropped-slow"]
        await until_told(fleet, dropped, "lookup")
        await dropped.signal(Errand.go)
        await asyncio.wait_for(asyncio.gather(*(handle.result() for handle in handles.values())), 90)
        return handles

    return asyncio.run(all_of_them())


async def agreed(world: World, handle: Handle, ends: list[tuple[Any, ...]]) -> None:
    """Wait until the account of the run's activity says so; a worker may learn late that its attempt is over."""

    def check(account: Account) -> None:
        agree(account, world.told(of(handle)))
        assert [tuple(attempt[name] for name in SAID) for attempt in account.attempts().values()] == ends

    await world.account(await bare(world), of(handle), check)


@pytest.mark.parametrize("words", ENDS)
async def test_ends_are_told_apart(fleet: World, errands: dict[str, Handle], words: str) -> None:
    """Which timeout, whose cancellation, and who dictates the delay before the next attempt."""
    await agreed(fleet, errands[words], ENDS[words])


async def test_an_attempt_that_is_completed_elsewhere(fleet: World) -> None:
    """``raise_complete_async``: its worker tells only the start, and runs on; history tells how it went."""
    client = await bare(fleet)
    handle = await errand(client, "elsewhere")
    (run_id,) = of(handle)
    elsewhere = client.get_async_activity_handle(workflow_id=handle.id, run_id=run_id, activity_id="1")
    await until_told(fleet, handle, "lookup")

    def running(account: Account) -> None:
        assert [attempt["status"] for attempt in account.attempts().values()] == ["running"]

    await fleet.account(client, of(handle), running)
    await elsewhere.fail(ApplicationError("no", type="Refused"))
    await until_told(fleet, handle, "lookup", attempts=2)
    await elsewhere.complete("found")
    assert await asyncio.wait_for(handle.result(), 60) == "found"

    def done(account: Account) -> None:
        told = [(a["status"], a["error_type"], a["source"]) for a in account.attempts().values()]
        assert told == [("error", "Refused", "both"), ("ok", None, "both")]

    await fleet.account(client, of(handle), done)


async def test_a_worker_that_shuts_down(world: World) -> None:
    """Its attempt is cancelled once the graceful period is over, says why, and another worker makes the next."""
    queue = unique("leaving")
    address, log, environment = world.temporal.address, world.log, world.environment
    client = await bare(world)
    with started(Crew(address, log, (Station(queue),), environment)):
        handle = await errand(client, "leaving", queue)
        await until_told(world, handle, "lookup")
    with started(Crew(address, log, (Station(queue),), environment)):
        await asyncio.wait_for(handle.result(), 90)
    await agreed(world, handle, [("cancelled", "worker_shutdown", *BY_POLICY), OK])
