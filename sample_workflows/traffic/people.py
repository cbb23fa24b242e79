"""The people of the traffic: who approve things, talk to the innkeeper and call jobs off."""

import asyncio
from collections.abc import Awaitable
from random import Random
from typing import Any

from temporalio.client import WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode

from sample_workflows.conversation.workflow import ConversationWorkflow
from sample_workflows.security.workflow import AccountWorkflow
from sample_workflows.traffic.session import Handle, Session

REMARKS = (
    "is there breakfast?",
    "how far is the sea?",
    "who plays the fiddle?",
    "what does a room cost?",
    "good night",
)


async def decide(session: Session, handle: Handle, random: Random) -> None:
    """Approve or reject, after a while."""
    approved = random.random() < 0.7
    await session.pause(random, 15, 120)
    while not await in_time(handle.execute_update(AccountWorkflow.decide, approved)):
        # Nothing waits yet (come back) or any more (the run has ended).
        if (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING:
            return
        await asyncio.sleep(1)


async def talk(session: Session, handle: Handle, random: Random) -> None:
    """Introduce oneself, say a few things, perhaps close; otherwise the conversation ends by its idle timer."""
    lines = [f"Hello, my name is Guest{random.randint(1, 99)}", *random.choices(REMARKS, k=random.randint(2, 7))]
    for line in lines:
        if not await in_time(handle.execute_update(ConversationWorkflow.say, line)):
            return
        await session.pause(random, 2, 20)
    if random.random() < 0.6:
        await in_time(handle.signal(ConversationWorkflow.close))


async def call_off(session: Session, handle: Handle, random: Random) -> None:
    """Cancel a long job."""
    await session.pause(random, 3, 12)
    await in_time(handle.cancel())


async def lose_patience(session: Session, handle: Handle, random: Random) -> None:
    """Terminate a run: no clean-up, no last words."""
    await session.pause(random, 1, 3)
    await in_time(handle.terminate("the operator lost patience"))


async def in_time(request: Awaitable[Any]) -> bool:
    """Whether the request found a run that still (or already) wanted it; people come too early and too late."""
    try:
        await request
    except WorkflowUpdateFailedError:
        return False
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True
