"""The searchers' tool, on a queue of its own: slow tools never take a slot from model calls."""

import asyncio

from temporalio import activity

SECONDS = 0.3


@activity.defn
async def read_archive(query: str) -> str:
    """Read what the archive has on a query."""
    await asyncio.sleep(SECONDS)
    return f"two folders on {query}"
