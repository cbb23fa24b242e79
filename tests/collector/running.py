"""A whole collector in this process, on free loopback ports, stopped at the end: what the tests talk to."""

import asyncio
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from durascope_dashboard.collector.joiner import join_here
from durascope_dashboard.collector.server import Collector
from durascope_dashboard.remote_reader import RemoteReader
from durascope_dashboard.store.location import Location

DEADLINE_S = 60.0
T = TypeVar("T")


def until(ask: Callable[[], T], what: str, deadline_s: float = DEADLINE_S) -> T:
    """Poll until ``ask`` gives something true."""
    end = time.monotonic() + deadline_s
    while True:
        found = ask()
        if found:
            return found
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        time.sleep(0.02)


class RunningCollector:
    """``.http`` and ``.grpc`` are its ports, ``.reader`` asks it as the dashboard does."""

    def __init__(self, store: Location, **options: Any) -> None:
        self._ready = threading.Event()
        self._options = options
        self._store_path = store
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.collector: Collector
        self.http = self.grpc = 0

    def _run(self) -> None:
        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            options = {"join": join_here} | self._options  # in this process: a child takes a second to start
            self.collector = Collector(self._store_path, "127.0.0.1:0", "127.0.0.1:0", **options)
            await self.collector.run(self._on_ready)

        try:
            asyncio.run(main())
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()

    def _on_ready(self, addresses: Any) -> None:
        self.http, self.grpc = addresses["http"][1], addresses["grpc"][1]
        self._ready.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(DEADLINE_S)
        if self._error is not None:
            raise self._error
        self.reader = RemoteReader(self.url)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.reader.close()
        self._loop.call_soon_threadsafe(self.collector.stop)
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()
        if self._error is not None:
            raise self._error
