"""What became of the runs that were started, asked from Temporal itself."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from temporalio.client import Client, WorkflowExecutionStatus

AT_ONCE = 20


@dataclass
class Outcomes:
    """For each sample, how many of its runs are in which status. A chain of runs counts once, by its newest run."""

    by_sample: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def total(self) -> Counter[str]:
        """All samples together."""
        return sum(self.by_sample.values(), Counter[str]())

    def lines(self) -> list[str]:
        """For people: a line for each sample and one for all."""
        rows = [*sorted(self.by_sample.items()), ("together", self.total)]
        return [f"{name:14}{count.total():5}  {_words(count)}" for name, count in rows]


def _words(count: Counter[str]) -> str:
    return ", ".join(f"{number} {status}" for status, number in count.most_common())


async def outcomes_of(client: Client, started: Mapping[str, str]) -> Outcomes:
    """Describe every started run."""
    found, slots = Outcomes(), asyncio.Semaphore(AT_ONCE)

    async def describe(workflow_id: str, sample: str) -> None:
        async with slots:
            status = (await client.get_workflow_handle(workflow_id).describe()).status
        found.by_sample.setdefault(sample, Counter())[_name(status)] += 1

    await asyncio.gather(*(describe(workflow_id, sample) for workflow_id, sample in started.items()))
    return found


async def wait_until_closed(client: Client, started: Mapping[str, str], seconds: float, done: asyncio.Event) -> int:
    """Wait for all runs to close, for so long at most; how many are still open."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        running = (await outcomes_of(client, started)).total["running"]
        if not running or done.is_set() or asyncio.get_running_loop().time() > deadline:
            return running
        await asyncio.sleep(1)


def _name(status: WorkflowExecutionStatus | None) -> str:
    return "unknown" if status is None else status.name.lower()
