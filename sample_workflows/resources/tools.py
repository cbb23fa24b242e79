"""A long job that heartbeats its progress and can be cancelled, and the cleaning up after it."""

import asyncio
from collections.abc import Callable
from typing import Any

from temporalio import activity


@activity.defn
async def measure_noise(room: int) -> str:
    """Measure the noise in a room."""
    return f"room {room}: {40 + room % 7} dB, " + "quiet " * 20


@activity.defn
async def train_model(steps: int) -> int:
    """A long operation in small steps. A heartbeat tells the server that it lives, and tells it of a cancellation."""
    for step in range(steps):
        activity.heartbeat(step)
        await asyncio.sleep(0.1)
    return steps


@activity.defn
async def remove_checkpoints(name: str) -> str:
    """Clean up."""
    return f"checkpoints of {name} removed"


TOOLS: list[Callable[..., Any]] = [measure_noise, train_model, remove_checkpoints]
