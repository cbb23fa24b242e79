"""Whether the Temporal server answers: calls are repeated until it does, and how long it was away is known."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from temporalio.service import RPCError, RPCStatusCode

from durascope_dashboard.exceptions import TemporalUnavailable

log = logging.getLogger("durascope.temporal")
T = TypeVar("T")

# The server's own trouble: try again. Everything else is about the request or the run.
TRANSIENT = frozenset(
    {
        RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.CANCELLED, RPCStatusCode.INTERNAL, RPCStatusCode.UNKNOWN, RPCStatusCode.ABORTED,
    }
)  # fmt: skip


class Availability:
    """``state`` is starting | running | down; ``down_since`` a monotonic time. Over its rate limit it is not down."""

    def __init__(self, shortest_s: float = 0.2, longest_s: float = 5.0) -> None:
        self.state = "starting"
        self.last_error: str | None = None
        self.down_since: float | None = None
        self.throttled = 0  # answers that only asked for patience: the server's rate limit
        self._shortest, self._longest = shortest_s, longest_s

    async def until_answered(self, call: Callable[[], Awaitable[T]]) -> T:
        """The call's result, however long the server is away. Raises the RPCErrors that waiting does not cure."""
        delay = self._shortest
        while True:
            try:
                result = await call()
            except (RPCError, TemporalUnavailable) as error:
                if isinstance(error, RPCError) and error.status not in TRANSIENT:
                    self._up()
                    raise
                if isinstance(error, RPCError) and error.status == RPCStatusCode.RESOURCE_EXHAUSTED:
                    self.throttled += 1
                    delay = max(delay, self._longest / 4)
                else:
                    self._down(error)
                await asyncio.sleep(delay * random.uniform(0.5, 1.0))
                delay = min(delay * 2, self._longest)
            else:
                self._up()
                return result

    def _up(self) -> None:
        if self.state == "down":
            log.info("Temporal answers again")
        self.state, self.down_since = "running", None

    def _down(self, error: Exception) -> None:
        if self.state != "down":
            log.warning("Temporal does not answer (%s); trying again until it does", error)
        self.down_since = self.down_since or time.monotonic()
        self.state, self.last_error = "down", str(error)
