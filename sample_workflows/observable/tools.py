"""The order desk's tools: ordinary activities, so Temporal retries them and Durascope shows every attempt."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from temporalio import activity


@dataclass
class Order:
    """An order as the shop's database has it."""

    number: str
    item: str
    carrier: str
    shipped: bool


@activity.defn
async def look_up_order(number: str) -> Order:
    """Find an order by its number."""
    return Order(number, item="a desk lamp", carrier="Northpost", shipped=not number.endswith("0"))


@activity.defn
async def estimate_delivery(carrier: str) -> str:
    """Ask a carrier how many days a parcel takes."""
    return f"{carrier} delivers in {2 + len(carrier) % 3} days"


TOOLS: list[Callable[..., Any]] = [look_up_order, estimate_delivery]
