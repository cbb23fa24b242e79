"""Whether something that is needed answers (Temporal, the codec server, the store): calls are repeated until it does.

How long one of them has been waited for is known at every moment, so that no wait hides a lag.
"""

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
# Somebody may grant it later, or register the namespace: for who goes on for ever that is worth waiting for.
REFUSED = frozenset({RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED})

Curable = Callable[[Exception], bool]


def transient(error: Exception) -> bool:
    """Whether Temporal itself is in trouble, which passes."""
    return isinstance(error, TemporalUnavailable) or (isinstance(error, RPCError) and error.status in TRANSIENT)


def throttles(error: Exception) -> bool:
    """Whether it only asks for patience: a rate limit."""
    return isinstance(error, RPCError) and error.status is RPCStatusCode.RESOURCE_EXHAUSTED


def silence(error: Exception) -> str:
    """An error that is waited out, in one sentence; Durascope's own are that already."""
    return f"Temporal does not answer ({error})" if isinstance(error, RPCError) else str(error)


def refusal(namespace: str, error: Exception) -> str:
    """What a namespace's error means, in one sentence with the next step."""
    if not isinstance(error, RPCError):
        return str(error)
    said = f"{error.status.name}: {error.message.rstrip('.')}"
    if error.status in TRANSIENT:
        return f"Temporal does not answer for the namespace {namespace} ({said}); see that it runs and is reachable"
    if error.status is RPCStatusCode.NOT_FOUND:
        return f"Temporal has no namespace {namespace} ({said}); register it, or mend --namespace"
    return f"Temporal refuses the namespace {namespace} ({said}); give the credentials the right to read it"


class Availability:
    """``state`` is starting | running | down. Over its rate limit it is not down, but ``waiting_since`` tells."""

    def __init__(
        self,
        shortest_s: float = 0.2,
        longest_s: float = 5.0,
        *,
        waits_out: Curable = transient,
        tells: Callable[[Exception], str] = silence,
    ) -> None:
        """Pauses between two calls grow from ``shortest_s`` to ``longest_s``.

        ``waits_out`` says which errors are waited out; others are raised. ``tells`` makes the sentence ``error``.
        """
        self.state = "starting"
        self.error: str | None = None  # while it is down
        self.throttled = 0  # answers that only asked for patience: the server's rate limit
        self._shortest, self._longest = shortest_s, longest_s
        self._waits_out, self._tells = waits_out, tells
        self._down_since: float | None = None
        self._pausing: dict[object, float] = {}  # calls that will be repeated, by when they first failed

    @property
    def waiting_since(self) -> float | None:
        """Since when (monotonic) the call that waits longest waits for an answer; None: none waits."""
        since = [self._down_since, *list(self._pausing.values())]
        return min((at for at in since if at is not None), default=None)

    async def until_answered(self, call: Callable[[], Awaitable[T]], *, waits_out: Curable | None = None) -> T:
        """The call's result, however long that takes. Raises the errors that are not waited out."""
        curable, delay, me = waits_out or self._waits_out, self._shortest, object()
        failed: float | None = None
        while True:
            try:
                result = await call()
            except Exception as error:
                if not curable(error):
                    self._up()
                    raise
                if throttles(error):
                    self.throttled += 1
                    delay = max(delay, self._longest / 4)
                else:
                    self._down(error)
                failed = self._pausing[me] = failed or time.monotonic()
                try:
                    await asyncio.sleep(delay * random.uniform(0.5, 1.0))
                finally:
                    del self._pausing[me]  # the call that follows may be a long poll, which no longer waits
                delay = min(delay * 2, self._longest)
            else:
                self._up()
                return result

    def _up(self) -> None:
        if self.state == "down":
            log.info("over: %s", self.error)
        self.state, self.error, self._down_since = "running", None, None

    def _down(self, error: Exception) -> None:
        said = self._tells(error)
        if self.state != "down":
            log.warning("%s; trying again until it does", said)
            self._down_since = time.monotonic()
        self.state, self.error = "down", said
