"""The concierge's tool that touches the outside world: an activity."""

from collections.abc import Callable
from typing import Any

from temporalio import activity


@activity.defn
async def find_hotel(city: str, nights: int) -> str:
    """Find a hotel for some nights."""
    return f"Hotel Central in {city}, {nights} nights, 90 EUR each"


TOOLS: list[Callable[..., Any]] = [find_hotel]
