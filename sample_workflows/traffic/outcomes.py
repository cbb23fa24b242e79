"""What became of the runs that were started, asked from Temporal itself."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

AT_ONCE = 8
UNANSWERED = "unanswered"
OPEN = ("running", UNANSWERED)


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


async def statuses_of(client: Client, workflow_ids: Iterable[str]) -> dict[str, str]:
    """Describe workflows, a few at a time; each id with the status of its newest run, or UNANSWERED."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def describe(workflow_id: str) -> tuple[str, str]:
        async with slots:
            try:
                return workflow_id, _name((await client.get_workflow_handle(workflow_id).describe()).status)
            except RPCError:  # a starved dev server says even of its own namespace that it is not found
                return workflow_id, UNANSWERED

    return dict(await asyncio.gather(*map(describe, workflow_ids)))


async def outcomes_of(client: Client, started: Mapping[str, str]) -> Outcomes:
    """What became of every started run."""
    found = Outcomes()
    for workflow_id, status in (await statuses_of(client, started)).items():
        found.by_sample.setdefault(started[workflow_id], Counter())[status] += 1
    return found


async def wait_until_closed(client: Client, started: Mapping[str, str], seconds: float, done: asyncio.Event) -> int:
    """Wait for all runs to close, for so long at most; how many are still open."""
    clock = asyncio.get_running_loop().time
    deadline, running = clock() + seconds, list(started)
    while True:
        # Only those that were open before: describing hundreds of closed runs each time would be load of its own.
        running = [one for one, status in (await statuses_of(client, running)).items() if status in OPEN]
        if not running or done.is_set() or clock() > deadline:
            return len(running)
        await asyncio.sleep(1 + len(running) / 50)


def _name(status: WorkflowExecutionStatus | None) -> str:
    return "unknown" if status is None else status.name.lower()
