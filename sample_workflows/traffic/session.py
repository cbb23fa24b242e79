"""Where the traffic goes, and how patient its people are."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from random import Random
from typing import Any

from temporalio.client import Client, WorkflowHandle

Handle = WorkflowHandle[Any, Any]


@dataclass(frozen=True)
class Session:
    """``pace`` stretches what people do: at 1 they take minutes to approve something, at 0.01 they hardly wait."""

    client: Client
    task_queue: str
    pace: float = 1.0

    async def start(self, run: Callable[..., Any], argument: Any, workflow_id: str) -> Handle:
        """Start a sample's workflow on the session's task queue."""
        return await self.client.start_workflow(run, argument, id=workflow_id, task_queue=self.task_queue)

    async def pause(self, random: Random, shortest: float, longest: float) -> None:
        """A person takes this many seconds, at pace 1."""
        await asyncio.sleep(random.uniform(shortest, longest) * self.pace)


@dataclass(frozen=True)
class Started:
    """A run, and what somebody does to it while it runs."""

    handle: Handle
    meanwhile: Coroutine[Any, Any, None] | None = None


Starter = Callable[[Session, str, int, Random], Coroutine[Any, Any, Started]]
"""``(session, workflow id, number of the run, random)``: starts one run of a sample."""
