"""What happens in a workflow task is told once the task's code has run: if that fails, all of it happens again.

The SDK's event loop stops at the exception that fails a task, and so never comes to the handle that tells.
"""

import asyncio
from collections.abc import Callable

from temporalio import workflow

from durascope._live import live

Tell = Callable[[], None]


class Held:
    """What one run has to tell, for a moment."""

    def __init__(self) -> None:
        self._waiting: list[Tell] = []

    def put(self, tell: Tell) -> None:
        """Call ``tell`` at the end of the workflow task, in order; a query cannot fail one, and tells at once."""
        if workflow.unsafe.is_read_only():
            tell()
            return
        if not self._waiting:
            loop = asyncio.get_running_loop()
            loop.call_soon(self._run, loop)
        self._waiting.append(tell)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        if getattr(loop, "_ready", None):  # the workflow's code goes on
            loop.call_soon(self._run, loop)
            return
        waiting, self._waiting = self._waiting, []
        if live():  # else the task has failed, and the run is thrown out of the cache
            for tell in waiting:
                tell()
