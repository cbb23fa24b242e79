"""Whether workflow code runs for the first time: not as a replay, and not because the run is thrown out of the cache.

On eviction the SDK cancels the workflow's tasks, so every open span and handler "ends"; that end is nobody's.
"""

from temporalio import workflow


def live() -> bool:
    """True where something that happens in a workflow is news."""
    runtime = workflow._Runtime.maybe_current()  # the one way to ask without raising
    if runtime is None:
        return False  # a coroutine that the garbage collector closes after eviction
    return not getattr(runtime, "_deleting", False) and not runtime.workflow_is_replaying_history_events()
