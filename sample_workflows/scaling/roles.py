"""The roles and their task queues. A role's worker polls its own queue, so adding searchers is adding processes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Role:
    """``concurrency`` is how many activities one worker of this role runs at a time; None: Temporal's default."""

    name: str
    concurrency: int | None = None

    def queue(self, base: str) -> str:
        """Its task queue, next to the base queue."""
        return f"{base}-{self.name}"


PLANNER = Role("planner")
# Starved on purpose: one activity at a time, so that parallel searches wait and the queue time shows.
SEARCHER = Role("searcher", concurrency=1)
WRITER = Role("writer")
TOOLS = Role("tools")
ROLES = {role.name: role for role in (PLANNER, SEARCHER, WRITER, TOOLS)}
