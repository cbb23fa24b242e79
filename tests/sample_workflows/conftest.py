"""Where samples run in tests: a whole fleet of processes shared by a file, or a worker in this process."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import pytest
from agents import set_trace_processors
from openai import AsyncOpenAI
from temporalio.client import Client

from durascope_dashboard.demo.dev_server import DevServer
from sample_workflows.model_server import Rule, ScriptedServer
from sample_workflows.scripts import RULES
from sample_workflows.worker import build_workers, plugins
from tests.sample_workflows.fleet import Fleet


@dataclass
class Stage:
    """Everything a sample needs to run."""

    client: Client
    models: ScriptedServer
    task_queue: str


StageFactory = Callable[..., AbstractAsyncContextManager[Stage]]


@pytest.fixture(scope="module")
def fleet(temporal_server: DevServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Model server, collector and a worker with every role, as processes."""
    with Fleet(temporal_server, tmp_path_factory.mktemp("fleet")) as running:
        yield running


@pytest.fixture
def stage(temporal_server: DevServer) -> StageFactory:
    """``async with stage(rules=..., flaky=...) as s``: an uninstrumented worker in this process."""

    @asynccontextmanager
    async def run(rules: Sequence[Rule] = RULES, flaky: float = 0.0) -> AsyncIterator[Stage]:
        set_trace_processors([])
        async with (
            ScriptedServer(rules=rules) as models,
            AsyncOpenAI(base_url=models.base_url, api_key="scripted", max_retries=0) as openai,
            AsyncExitStack() as stack,
        ):
            client = await Client.connect(temporal_server.address, plugins=plugins(openai, instrumented=False))
            queue = f"samples-{uuid4().hex[:8]}"
            for worker in build_workers(client, queue, flaky=flaky):
                await stack.enter_async_context(worker)
            yield Stage(client, models, queue)

    return run
