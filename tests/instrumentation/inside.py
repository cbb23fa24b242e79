"""A worker in the test's own process, for a look inside the plugin."""

from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from agents import TracingProcessor, set_trace_processors
from temporalio.client import Client, WorkflowHandle
from temporalio.openai_agents import OpenAIAgentsPlugin
from temporalio.worker import Worker

from durascope import DurascopePlugin
from tests.instrumentation.fleet import parameters
from tests.instrumentation.scenario import ACTIVITIES, TRUTH, WORKFLOWS, Journey
from tests.instrumentation.witness import Witness
from tests.instrumentation.world import World, unique


@asynccontextmanager
async def working(
    world: World, monkeypatch: pytest.MonkeyPatch, plugins: Sequence[Any], *, cached: int = 1000, retries: int = 0,
    processors: Sequence[TracingProcessor] = (),
) -> AsyncIterator[tuple[Client, str]]:  # fmt: skip
    """A worker in this process, for a look inside; its client and its queue. ``processors``: the program's own."""
    monkeypatch.setenv(TRUTH, str(world.truth))
    monkeypatch.setenv("OPENAI_BASE_URL", world.model.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "scripted")
    set_trace_processors(list(processors))
    models = Witness(retries)
    agents = OpenAIAgentsPlugin(parameters(), models)
    client = await Client.connect(world.temporal.address, plugins=[agents, *plugins])
    queue = unique("inside")
    try:
        async with Worker(
            client, task_queue=queue, workflows=WORKFLOWS, activities=ACTIVITIES, max_cached_workflows=cached,
            activity_executor=ThreadPoolExecutor(2),
        ):  # fmt: skip
            yield client, queue
    finally:
        await models.close()


@contextmanager
def exporting(**settings: Any) -> Iterator[DurascopePlugin]:
    """A plugin with exporters of its own, as the environment has them; they are shut down at the end."""
    plugin = DurascopePlugin(**settings)
    try:
        yield plugin
    finally:
        plugin.shutdown(timedelta(seconds=1))  # its last export may have nowhere to go


async def run(client: Client, queue: str, words: str) -> WorkflowHandle[Journey, str]:
    """One whole run."""
    uid = unique(words.split()[0])
    handle = await client.start_workflow(Journey.run, f"{words} {uid}", id=uid, task_queue=queue)
    await handle.result()
    return handle
