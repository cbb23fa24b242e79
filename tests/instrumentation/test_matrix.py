"""One test for each way that a run can go: all attempts that really ran are accounted for, once, with their tokens.

The truth is what activities, the model provider and the model server wrote themselves.
"""

import asyncio
from typing import Any

from temporalio.client import Client, WorkflowHandle

from tests.instrumentation.fleet import Station, connect
from tests.instrumentation.scenario import Journey
from tests.instrumentation.world import Account, World, agree, unique

Handle = WorkflowHandle[Any, Any]


async def bare(world: World, station: Station | None = None) -> Client:
    """A client without any plugin."""
    return await connect(world.temporal.address, station or Station("plain"), [])


async def begin(client: Client, words: str, queue: str = "plain") -> Handle:
    """Start a run; its id is part of its prompt."""
    uid = unique(words.split()[0])
    return await client.start_workflow(Journey.run, f"{words} {uid}", id=uid, task_queue=queue)


async def finish(handle: Handle) -> None:
    assert await asyncio.wait_for(handle.result(), 25) == "Found."


def of(handle: Handle) -> dict[str, str]:
    """The run that a handle started."""
    assert handle.first_execution_run_id is not None
    return {handle.first_execution_run_id: handle.id}


async def whole(world: World, client: Client, runs: dict[str, str], uid: str, **how: Any) -> Account:
    """The account of the runs, which agrees with the truth in attempts, ends and tokens."""
    account = await world.account(client, runs, **how)
    agree(account, world.told(runs))
    assert account.sum("billed") == world.billed(uid), account.attempts()
    assert account.sum("useful") + account.sum("wasted") == account.sum("billed")
    assert all(run["coverage"]["duplicate_spans"] == 0 for run in account.runs)
    return account


async def test_one_worker(fleet: World) -> None:
    """A tool that fails twice and a model call that meets a 429 and a 500: nine attempts, one tree."""
    client = await bare(fleet)
    handle = await begin(client, "limited flaky")
    await finish(handle)
    account = await whole(fleet, client, of(handle), handle.id)
    assert account.kinds() == {"model": 2, "tool": 1}
    assert account.runs[0]["retries"]["attempts"] == 9
    assert not account.orphans() and len(account.traces()) == 1


async def test_workers_without_a_workflow_cache(fleet: World) -> None:
    """Every workflow task replays the whole run: nothing is told twice."""
    client = await bare(fleet)
    handle = await begin(client, "limited flaky local", "uncached")
    await finish(handle)
    account = await whole(fleet, client, of(handle), handle.id)
    assert not account.orphans() and len(account.traces()) == 1
