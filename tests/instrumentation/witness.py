"""A model provider that writes down each attempt at a model call, and kills its own process where the prompt says."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

from agents import Model, ModelProvider, ModelResponse, OpenAIProvider
from openai import AsyncOpenAI
from temporalio import activity

from tests.instrumentation.scenario import tell


class Witness(ModelProvider):
    """OpenAI's provider under observation. "chat..." speaks Chat Completions."""

    def __init__(self, retries: int = 0) -> None:
        self._client = AsyncOpenAI(max_retries=retries)
        self._responses = OpenAIProvider(openai_client=self._client)
        self._chat = OpenAIProvider(openai_client=self._client, use_responses=False)

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()

    def get_model(self, model_name: str | None) -> Model:
        """See base class."""
        name = model_name or "scripted-1"
        return Watched((self._chat if name.startswith("chat") else self._responses).get_model(name))


class Watched(Model):
    """Tells the truth about each call of the model inside."""

    def __init__(self, inner: Model) -> None:
        self._inner = inner

    async def get_response(self, system_instructions: Any, input: Any, *args: Any, **kwargs: Any) -> ModelResponse:
        """See base class."""
        tell("started")
        die = _deadly(input)
        if die == "die-before":
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            response = await self._inner.get_response(system_instructions, input, *args, **kwargs)
        except BaseException as error:
            tell("cancelled" if isinstance(error, asyncio.CancelledError) else "error")
            raise
        if die == "die-after":
            os.kill(os.getpid(), signal.SIGKILL)
        tell("ok")
        return response

    async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """See base class."""
        tell("started")
        async for event in self._inner.stream_response(*args, **kwargs):
            yield event
        tell("ok")


def _deadly(input: Any) -> str | None:
    said = json.dumps(input, default=str)
    found = next((word for word in ("die-before", "die-after") if word in said), None)
    info = activity.info()
    return found if (info.activity_id, info.attempt) == ("1", 1) else None
