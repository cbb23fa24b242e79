"""A worker in this process with the scripted model server behind it."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from agents import set_trace_processors
from openai import AsyncOpenAI
from temporalio.client import Client
from temporalio.worker import Worker

from durascope_dashboard.demo.dev_server import DevServer
from sample_workflows.model_server import Rule, ScriptedServer
from sample_workflows.scripts import ALL_RULES
from sample_workflows.worker import WORKFLOWS, activities, plugins


@dataclass
class Stage:
    """Everything a sample needs to run."""

    client: Client
    models: ScriptedServer
    task_queue: str


StageFactory = Callable[..., AbstractAsyncContextManager[Stage]]


@pytest.fixture
def stage(temporal_server: DevServer) -> StageFactory:
    """``async with stage(rules=..., tools=...) as s``: a worker with all samples, ``s.client`` to start them."""

    @asynccontextmanager
    async def run(rules: Sequence[Rule] = ALL_RULES, tools: Sequence[Callable[..., Any]] = ()) -> AsyncIterator[Stage]:
        set_trace_processors([])
        async with (
            ScriptedServer(rules=rules) as models,
            AsyncOpenAI(base_url=models.base_url, api_key="scripted", max_retries=0) as openai,
        ):
            client = await Client.connect(temporal_server.address, plugins=plugins(openai, instrumented=False))
            queue = f"samples-{uuid4().hex[:8]}"
            async with Worker(client, task_queue=queue, workflows=WORKFLOWS, activities=tools or activities()):
                yield Stage(client, models, queue)

    return run
