"""Which runs there are, from visibility: new ones often, everything open or lately closed now and then.

Visibility is eventually consistent, so every question reaches back a little further than the last answer; what is
already followed or stored is left out.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.client import Client

from durascope.identity import RunKey
from durascope.records import Micros
from durascope_dashboard.temporal.availability import Availability
from durascope_dashboard.temporal.pages import HISTORY_PAGE, is_open, list_runs, page_size, run_key
from durascope_dashboard.temporal.sink import Sink

FIRST_LOOK_BACK = timedelta(hours=24)  # a store that is new: older runs are for `durascope backfill`
RECENT_OVERLAP = timedelta(seconds=10)
FULL_OVERLAP = timedelta(minutes=5)

T = TypeVar("T")
Wanted = Callable[[RunKey], bool]


@dataclass(frozen=True, slots=True)
class Found:
    """A run to read."""

    key: RunKey
    is_open: bool
    page_size: int = HISTORY_PAGE


def query_time(micros: Micros) -> str:
    """A time as visibility's query language wants it."""
    return datetime.fromtimestamp(micros / 1e6, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Discovery:
    """Looks for the runs of one namespace, a page of visibility at a time."""

    def __init__(
        self, client: Client, namespace: str, sink: Sink, store: Availability, wanted: Wanted | None = None
    ) -> None:
        """``store``: how the sink's calls go; they are repeated until it takes them."""
        self.namespace = namespace
        self._client = client
        self._sink = sink
        self._store = store
        self._wanted = wanted
        self._begun = _now()
        self._newest_start: Micros | None = None
        self._latest_close: Micros = 0

    async def recent(self) -> AsyncIterator[list[Found]]:
        """Runs that started lately. Raises RPCError."""
        if self._newest_start is None:  # none seen so far: by our own clock, which may be another than the server's
            since = self._begun - FULL_OVERLAP // timedelta(microseconds=1)
        else:
            # A start in the future (a server's clock put right) must not hide those that begin before it.
            since = min(self._newest_start, _now()) - RECENT_OVERLAP // timedelta(microseconds=1)
        async for page in self._list(f"StartTime >= '{query_time(since)}'"):
            yield await self._found(page)

    async def everything(self) -> AsyncIterator[list[Found]]:
        """All open runs, then those that closed since the watermark. Raises RPCError."""
        async for page in self._list("ExecutionStatus IN ('Running', 'Paused')"):
            yield await self._found(page)
        watermark = await self._stored(self._sink.watermark, self.namespace)
        if watermark is None:
            self._latest_close = since = _now() - FIRST_LOOK_BACK // timedelta(microseconds=1)
        else:
            self._latest_close, since = watermark, watermark - FULL_OVERLAP // timedelta(microseconds=1)
        async for page in self._list(f"CloseTime >= '{query_time(since)}'"):
            closes = [info.close_time.ToMicroseconds() for info in page if info.HasField("close_time")]
            self._latest_close = max((self._latest_close, *(min(close, _now()) for close in closes)))
            yield await self._found(page)

    async def move_watermark(self) -> None:
        """What the last ``everything`` found is stored: all that closed before its latest is."""
        await self._stored(self._sink.set_watermark, self.namespace, self._latest_close)

    async def _list(self, query: str) -> AsyncIterator[Sequence[WorkflowExecutionInfo]]:
        async for page in list_runs(self._client, self.namespace, query):
            starts = (info.start_time.ToMicroseconds() for info in page)
            self._newest_start = max((self._newest_start or 0, *starts)) or None
            yield page

    async def _found(self, page: Sequence[WorkflowExecutionInfo]) -> list[Found]:
        keys = [run_key(self.namespace, info) for info in page]
        closed = [key for key, info in zip(keys, page, strict=True) if not is_open(info)]
        known = await self._stored(self._sink.known_closed, closed)
        return [
            Found(key, is_open(info), page_size(info))
            for key, info in zip(keys, page, strict=True)
            if key not in known and (self._wanted is None or self._wanted(key))
        ]

    async def _stored(self, call: Callable[..., T], *arguments: object) -> T:
        return await self._store.until_answered(lambda: asyncio.to_thread(call, *arguments))


def _now() -> Micros:
    return int(datetime.now(UTC).timestamp() * 1e6)
