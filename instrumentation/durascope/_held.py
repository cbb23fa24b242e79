"""What happens in a workflow task is told once the task has come to its end: if it fails, all of it happens again.

The task's code has then run, and with it whatever it waits for; only the SDK's own instance of the run knows when.
"""

from collections.abc import Callable
from typing import Any

from durascope._safely import safely
from durascope._ways import Job


class Held:
    """What one run has to tell, for a moment; ``later`` takes it then."""

    def __init__(self, later: Callable[..., None]) -> None:
        self._later = later
        self._waiting: list[Job] = []
        self._watching = False

    @safely
    def watch(self, instance: Any) -> None:
        """Look on while the SDK's ``instance`` of the run works: whatever runner made it, it has this method."""
        activate = instance.activate  # tests/instrumentation/test_interfaces.py

        def watched(activation: Any) -> Any:
            self._waiting.clear()  # of a task that did not even end
            completion = activate(activation)
            self._ended(completion)
            return completion

        instance.activate = watched
        self._watching = True

    def put(self, job: Job) -> None:
        """Pass ``job`` on at the end of the workflow task, in order."""
        if self._watching:
            self._waiting.append(job)
        else:
            self._later(job)

    @safely
    def _ended(self, completion: Any) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting and completion.HasField("successful"):
            self._later(*waiting)
