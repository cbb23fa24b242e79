"""Requests that have come and are not yet answered, by how long they have waited."""

import time
from concurrent.futures import Future
from typing import Any


class Unsettled:
    """Futures until they are done; safe from any thread."""

    def __init__(self) -> None:
        self._since: dict[Future[Any], float] = {}

    def add(self, future: "Future[Any]") -> None:
        """From now on it waits."""
        self._since[future] = time.monotonic()
        future.add_done_callback(self._since.pop)

    @property
    def oldest_s(self) -> float:
        """Seconds that the oldest has waited; 0 if none waits."""
        since = min(list(self._since.values()), default=None)
        return 0.0 if since is None else time.monotonic() - since
