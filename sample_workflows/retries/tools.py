"""A parcel service that misbehaves in six ways. Each activity fails by its attempt number, so every run is the same."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError


@activity.defn
async def weigh_parcel(parcel: str) -> str:
    """Transient: the scale needs two attempts to warm up."""
    if activity.info().attempt < 3:
        raise ApplicationError("the scale is warming up", type="ScaleCold")
    return f"{parcel} weighs 2 kg"


@activity.defn
async def reserve_van(parcel: str) -> str:
    """Busy: the service itself says when to come back."""
    if activity.info().attempt == 1:
        raise ApplicationError("all vans are out", type="VansOut", next_retry_delay=timedelta(seconds=1))
    return "van 7"


@activity.defn
async def print_label(parcel: str) -> str:
    """Broken: never works, whatever the number of attempts."""
    raise ApplicationError("the printer is out of paper", type="NoPaper")


@activity.defn
async def clear_customs(parcel: str) -> str:
    """Forbidden: trying again would not help, and says so."""
    raise ApplicationError("lamp oil may not be exported", type="Forbidden", non_retryable=True)


@activity.defn
async def scan_parcel(parcel: str) -> str:
    """Dead worker: the first attempt stops heartbeating, as a worker does that was killed."""
    activity.heartbeat("scanning")
    if activity.info().attempt == 1:
        await asyncio.sleep(60)  # far beyond the heartbeat timeout; the server gives the attempt up long before
    return "no damage"


TOOLS: list[Callable[..., Any]] = [weigh_parcel, reserve_van, print_label, clear_customs, scan_parcel]
