"""Asks each question once in a run, also when several branches ask it at the same time."""

import asyncio
from collections.abc import Awaitable, Callable


class Memo:
    """Keeps the task of each question: the second who asks awaits the first one's answer."""

    def __init__(self, ask: Callable[[str], Awaitable[str]]) -> None:
        self._ask = ask
        self._answers: dict[str, asyncio.Task[str]] = {}

    async def __call__(self, question: str) -> str:
        """The answer; a failure is everybody's failure."""
        if question not in self._answers:
            self._answers[question] = asyncio.create_task(self._once(question))
        return await self._answers[question]

    async def _once(self, question: str) -> str:
        return await self._ask(question)
