"""The history follower's thread: an event loop of its own, because its writes wait for commits."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final

from durascope_dashboard.collector.ingest import Ingest
from durascope_dashboard.exceptions import DurascopeError, innermost

log = logging.getLogger("durascope.collector")

Follow = Callable[[Ingest], Awaitable[Any]]
"""Makes a follower for a sink; it has ``run()``, ``state``, ``error`` and what ``TOLD`` names."""
TOLD: Final = ("lag_s", "open_runs", "gone", "unreadable", "throttled", "undecoded")

RESTART_S = 5.0
STOP_S = 10.0


class Following:
    """Runs a follower until ``stop``; one that breaks is made again after a pause, and its error told in ``health``."""

    def __init__(self, follow: Follow, ingest: Ingest) -> None:
        self._follow = follow
        self._ingest = ingest
        self._follower: Any = None
        self._error: str | None = None
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="durascope-follower", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """End it, and wait a little for what it is writing."""
        self._stopping.set()
        loop, task = self._loop, self._task
        if loop is not None and task is not None and not loop.is_closed():
            loop.call_soon_threadsafe(task.cancel)
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def health(self) -> dict[str, Any]:
        """State, lag and counts as the follower tells them; ``error`` if something does not go on."""
        if self._error is not None:
            return {"state": "down", "error": self._error}
        if self._follower is None:
            return {"state": "starting"}
        told = {name: getattr(self._follower, name, None) for name in TOLD}
        error = getattr(self._follower, "error", None)
        state = str(getattr(self._follower, "state", "running"))
        return {"state": state, **told, **({"error": error} if error else {})}

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                asyncio.run(self._once())
            except asyncio.CancelledError:
                return
            except Exception as error:
                self._ended(innermost(error))
            self._stopping.wait(RESTART_S)

    def _ended(self, error: Exception) -> None:
        expected = isinstance(error, DurascopeError)
        self._error = str(error) if expected else f"{type(error).__name__}: {error}; see the collector's log"
        told = "following history ended: %s; it starts again in %.0f s"
        log.error(told, self._error, RESTART_S, exc_info=None if expected else error)

    async def _once(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if self._stopping.is_set():
            return
        self._follower = await self._follow(self._ingest)
        self._error = None
        await self._follower.run()
