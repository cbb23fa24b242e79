"""What happens in a workflow task is told once the task's code has run: if that fails, all of it happens again.

The SDK's event loop stops at the exception that fails a task, and so never comes to the handle that tells.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from temporalio import workflow

from durascope._live import live
from durascope._safely import safely
from durascope._ways import Job


class Held:
    """What one run has to tell, for a moment; ``later`` takes it then."""

    def __init__(self, later: Callable[..., None]) -> None:
        self._later = later
        self._waiting: list[Job] = []

    def put(self, job: Job) -> None:
        """Pass ``job`` on at the end of the workflow task, in order; a query cannot fail one, and passes on at once."""
        if workflow.unsafe.is_read_only():
            self._later(job)
            return
        if not self._waiting:
            _Last(asyncio.get_running_loop(), self._pass_on)
        self._waiting.append(job)

    @safely
    def _pass_on(self) -> None:
        waiting, self._waiting = self._waiting, []
        if live():  # else the task has failed, and the run is thrown out of the cache
            self._later(*waiting)


class _Last:
    """Calls ``then`` once nothing else is ready.

    It goes to the end of the queue again and again, as one handle: `call_soon` would make a new one each time.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, then: Job) -> None:
        self._then = then
        self._ready: deque[asyncio.Handle] = loop._ready  # type: ignore[attr-defined]  # tests/.../test_interfaces.py
        self._handle = loop.call_soon(self._turn)

    def _turn(self) -> None:
        if self._ready:  # the workflow's code goes on
            self._ready.append(self._handle)
        else:
            self._then()
