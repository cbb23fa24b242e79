"""The searchers' tool: a library that is sometimes closed, so that retries have something to do."""

import asyncio
from collections.abc import Callable

from temporalio import activity
from temporalio.exceptions import ApplicationError


class Library:
    """``fail_first(workflow_id, query)`` tells how many attempts of a search fail before one succeeds."""

    def __init__(
        self, fail_first: Callable[[str, str], int] = lambda workflow_id, query: 0, seconds: float = 0.0
    ) -> None:
        self._fail_first = fail_first
        self._seconds = seconds

    @activity.defn
    async def search_library(self, query: str) -> str:
        """Search the library for a query."""
        info = activity.info()
        await asyncio.sleep(self._seconds)
        if info.attempt <= self._fail_first(info.workflow_id or "", query):
            raise ApplicationError(
                f"the library is closed for stocktaking (attempt {info.attempt})", type="LibraryClosed"
            )
        return f"Three sources on {query}"
