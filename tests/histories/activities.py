"""Activities of the scenarios: they write down what really happened."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError


@dataclass(frozen=True)
class Truth:
    """One attempt as the activity itself saw it; times in Unix seconds."""

    workflow_id: str
    run_id: str
    activity_id: str
    attempt: int
    start: float
    end: float


TRUTH: list[Truth] = []


def ms(milliseconds: float) -> timedelta:
    """So many milliseconds."""
    return timedelta(milliseconds=milliseconds)


class _Written:
    """``async with``: writes a Truth, however the body ends."""

    async def __aenter__(self) -> None:
        self._start = time.time()

    async def __aexit__(self, *_: object) -> None:
        info = activity.info()
        run = info.workflow_id or "", info.workflow_run_id or ""
        TRUTH.append(Truth(*run, info.activity_id, info.attempt, self._start, time.time()))


@activity.defn
async def flaky(failures: int) -> str:
    """Fails on so many attempts, 50 ms each."""
    async with _Written():
        await asyncio.sleep(0.05)
        attempt = activity.info().attempt
        if attempt <= failures:
            raise RuntimeError(f"attempt {attempt} failed")
    return "done"


@activity.defn
async def rate_limited() -> str:
    """The provider says when to come back."""
    async with _Written():
        if activity.info().attempt == 1:
            message = "Error code: 429 - slow down"
            raise ApplicationError(message, type="APIStatusError", next_retry_delay=ms(700))
    return "done"


@activity.defn
async def refused() -> None:
    """Not worth another attempt."""
    raise ApplicationError("no such city", type="NoSuchCity", non_retryable=True)


@activity.defn
async def stuck() -> None:
    """Never ends by itself, never heartbeats."""
    async with _Written():
        await asyncio.sleep(60)


@activity.defn
async def cancellable() -> None:
    """Heartbeats until it is cancelled."""
    async with _Written():
        while True:
            activity.heartbeat()
            await asyncio.sleep(0.05)


@activity.defn
async def exhausted() -> None:
    """Fails on every attempt."""
    async with _Written():
        raise RuntimeError("still broken")


@activity.defn(name="invoke_model_activity")
async def model(asked: dict[str, str]) -> dict[str, Any]:
    """A model's answer as the Agents integration keeps it."""
    usage: dict[str, Any] = {"requests": 1, "input_tokens": 120, "output_tokens": 30, "total_tokens": 150}
    details = {"input_tokens_details": {"cached_tokens": 64}, "output_tokens_details": {"reasoning_tokens": 8}}
    return {"output": [], "usage": usage | details, "response_id": "resp-1"}


ACTIVITIES: list[Callable[..., Any]] = [flaky, model, rate_limited, refused, stuck, cancellable, exhausted]
