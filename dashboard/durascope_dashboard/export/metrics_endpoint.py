"""`GET /metrics` of the collector. A scrape sums the whole store, so answers are kept for a few seconds."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from durascope_dashboard.clock import micros_now
from durascope_dashboard.export.counters import Ratchet
from durascope_dashboard.export.metrics import fleet_families
from durascope_dashboard.export.openmetrics import CONTENT_TYPE, text
from durascope_dashboard.reader import Reader

KEEP_S = 5.0


class MetricsEndpoint:
    """One per collector process: counters must not fall while it lives."""

    def __init__(
        self, reader: Reader, health: Callable[[], dict[str, Any]] | None = None, *, keep_s: float = KEEP_S
    ) -> None:
        self._reader = reader
        self._health = health or reader.health
        self._keep_s = keep_s
        self._ratchet = Ratchet()
        self._lock = threading.Lock()
        self._made = float("-inf")
        self._text = ""

    def route(self) -> Route:
        """For the collector's application."""
        return Route("/metrics", self._answer, methods=["GET"])

    def text(self) -> str:
        """The exposition, at most ``keep_s`` old."""
        with self._lock:  # one scrape computes, others wait for its answer
            if time.monotonic() - self._made >= self._keep_s:
                families = fleet_families(self._reader, micros_now(), self._health())
                self._text = text(self._ratchet.raised(families))
                self._made = time.monotonic()
            return self._text

    async def _answer(self, request: Request) -> Response:
        body = await asyncio.to_thread(self.text)
        return Response(body, headers={"Content-Type": CONTENT_TYPE})
