"""Which runs there are, from visibility: new ones often, everything open or lately closed now and then.

Visibility is eventually consistent, so every question reaches back a little further than the last answer; what is
already followed or stored is left out.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.client import Client

from durascope.identity import RunKey
from durascope.records import Micros
from durascope_dashboard.temporal.pages import HISTORY_PAGE, is_open, list_runs, page_size, run_key
from durascope_dashboard.temporal.sink import Sink

FIRST_LOOK_BACK = timedelta(hours=24)  # a store that is new: older runs are for `durascope backfill`
RECENT_OVERLAP = timedelta(seconds=10)
FULL_OVERLAP = timedelta(minutes=5)


Wanted = Callable[[RunKey], bool]


@dataclass(frozen=True, slots=True)
class Found:
    """A run to read."""

    key: RunKey
    is_open: bool
    page_size: int = HISTORY_PAGE


@dataclass(frozen=True, slots=True)
class Batch:
    """What one look found. ``closed_until``: once these are stored, all that closed before that moment is."""

    runs: list[Found]
    closed_until: Micros | None = None


def query_time(micros: Micros) -> str:
    """A time as visibility's query language wants it."""
    return datetime.fromtimestamp(micros / 1e6, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Discovery:
    """Looks for the runs of one namespace."""

    def __init__(self, client: Client, namespace: str, sink: Sink, wanted: Wanted | None = None) -> None:
        self._client = client
        self._namespace = namespace
        self._sink = sink
        self._wanted = wanted
        self._newest_start: Micros | None = None
        self._latest_close: Micros = 0

    async def recent(self) -> Batch:
        """Runs that started lately. Raises RPCError."""
        if self._newest_start is None:
            return await self.everything()
        # A start in the future (a server's clock put right) must not hide those that begin before it.
        newest = min(self._newest_start, _now())
        since = newest - RECENT_OVERLAP // timedelta(microseconds=1)
        return Batch(await self._list(f"StartTime >= '{query_time(since)}'"))

    async def everything(self) -> Batch:
        """All open runs, and those that closed since the watermark. Raises RPCError."""
        watermark = await asyncio.to_thread(self._sink.watermark, self._namespace)
        if watermark is None:
            since = _now() - FIRST_LOOK_BACK // timedelta(microseconds=1)
        else:
            since = watermark - FULL_OVERLAP // timedelta(microseconds=1)
        runs = await self._list("ExecutionStatus IN ('Running', 'Paused')")
        self._latest_close = since if watermark is None else watermark
        runs += await self._list(f"CloseTime >= '{query_time(since)}'")
        return Batch(list({found.key: found for found in runs}.values()), self._latest_close)

    def set_watermark(self, until: Micros) -> None:
        """All runs that closed before are stored."""
        self._sink.set_watermark(self._namespace, until)

    async def _list(self, query: str) -> list[Found]:
        found: list[Found] = []
        async for page in list_runs(self._client, self._namespace, query):
            known = await asyncio.to_thread(self._sink.known_closed, self._closed(page))
            found += [
                Found(key, is_open(info), page_size(info))
                for info in page
                if (key := run_key(self._namespace, info)) not in known and (self._wanted is None or self._wanted(key))
            ]
            self._remember(page)
        return found

    def _closed(self, page: Iterable[WorkflowExecutionInfo]) -> list[RunKey]:
        return [run_key(self._namespace, info) for info in page if not is_open(info)]

    def _remember(self, page: Iterable[WorkflowExecutionInfo]) -> None:
        for info in page:
            started = info.start_time.ToMicroseconds()
            self._newest_start = max(self._newest_start or started, started)
            if info.HasField("close_time"):
                self._latest_close = max(self._latest_close, min(info.close_time.ToMicroseconds(), _now()))


def _now() -> Micros:
    return int(datetime.now(UTC).timestamp() * 1e6)
