"""What a follower needs: Temporal, each of its namespaces, the codec server, the store; each is waited for alone."""

from collections.abc import Awaitable, Callable
from functools import partial

from temporalio.service import RPCError

from durascope_dashboard.store.opening import first_line
from durascope_dashboard.temporal.availability import REFUSED, Availability, refusal, transient
from durascope_dashboard.temporal.codec import CodecRefused, CodecUnavailable


class Needs:
    """One that is away or refuses does not stop what the others allow. May be read from any thread."""

    def __init__(self, backoff_s: tuple[float, float]) -> None:
        """``backoff_s``: shortest and longest pause before something is asked again."""
        self.temporal = Availability(*backoff_s)
        self.codec = Availability(*backoff_s, waits_out=lambda e: isinstance(e, CodecUnavailable | CodecRefused))
        self.store = Availability(*backoff_s, waits_out=lambda _: True, tells=_not_stored)
        self.namespaces: dict[str, Availability] = {}
        self._backoff_s = backoff_s

    def add_namespace(self, name: str) -> None:
        """One more to read."""
        self.namespaces[name] = Availability(*self._backoff_s, waits_out=_may_pass, tells=partial(refusal, name))

    async def listed(self, namespace: str, call: Callable[[], Awaitable[None]]) -> None:
        """Until visibility answers. Any refusal is of the whole namespace: it may be registered, or opened, later."""
        await self.namespaces[namespace].until_answered(call, waits_out=lambda error: isinstance(error, RPCError))

    @property
    def state(self) -> str:
        """starting | running | down: nothing goes on. That one of several namespaces does not is told by ``error``."""
        namespaces = {server.state for server in list(self.namespaces.values())}
        if "down" in {self.temporal.state, self.codec.state, self.store.state} or namespaces == {"down"}:
            return "down"
        return "running" if "running" in namespaces else "starting"

    @property
    def error(self) -> str | None:
        """What does not go on, why, and what to do; None: everything does."""
        return "; ".join(dict.fromkeys(part.error for part in self._all if part.error)) or None

    @property
    def throttled(self) -> int:
        """Answers that were only a rate limit."""
        return sum(part.throttled for part in self._all)

    @property
    def waiting_since(self) -> float | None:
        """Since when (monotonic) the call that waits longest waits; None: none does."""
        return min((at for part in self._all if (at := part.waiting_since) is not None), default=None)

    @property
    def _all(self) -> list[Availability]:
        return [self.temporal, *list(self.namespaces.values()), self.codec, self.store]


def _may_pass(error: Exception) -> bool:
    """Of a history: whether it is worth asking again. Rights may be given later."""
    return transient(error) or (isinstance(error, RPCError) and error.status in REFUSED)


def _not_stored(error: Exception) -> str:
    return f"the store does not take what was read ({first_line(error)}); make room for it, or see the collector's log"
