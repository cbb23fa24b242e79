"""A run that waits for a signal, and whose code may fail in the very workflow task that the signal came with."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from agents import agent_span, trace

    from tests.instrumentation.everything import stumble


@workflow.defn
class Woken:
    """The handler has an agent work, and lets the run go on: its condition is looked at after the handler."""

    def __init__(self) -> None:
        self._awake = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._awake)
        stumble()

    @workflow.signal
    async def wake(self) -> None:
        """Go on."""
        with trace("Wake"), agent_span("Helper"):
            pass
        self._awake = True
