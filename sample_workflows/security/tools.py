"""Account tools. Keys of the systems behind them come from the worker's environment, never through the workflow."""

from collections.abc import Callable
from typing import Any

from temporalio import activity


@activity.defn
async def read_account(account: str) -> str:
    """Read an account."""
    return f"account {account}, paid by card 4242 4242 4242 4242"


@activity.defn
async def delete_account(account: str) -> str:
    """Delete an account for ever."""
    return f"account {account} deleted"


TOOLS: list[Callable[..., Any]] = [read_account, delete_account]
