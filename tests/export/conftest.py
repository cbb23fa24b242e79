"""A store with the two synthetic runs, and real collectors to send to."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from durascope_dashboard.collector.server import Collector
from durascope_dashboard.local_reader import LocalReader
from durascope_dashboard.reader import Reader
from durascope_dashboard.store.duckdb_store import DuckStore
from tests.export.fleet import fleet


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    """A closed store file."""
    path = tmp_path / "source.duckdb"
    store = DuckStore(path)
    selection = fleet()
    for name in ("runs", "operations", "attempts"):
        store.append(name, getattr(selection, name))
    store.close()
    return path


@pytest.fixture
def reader(store_path: Path) -> Iterator[LocalReader]:
    """The same, open."""
    reader = LocalReader(DuckStore(store_path, read_only=True))
    yield reader
    reader.close()


class RunningCollector:
    """A collector on free ports in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self._ready = threading.Event()
        self._bound: dict[str, Any] = {}
        self._path = path
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()))
        self._thread.start()
        assert self._ready.wait(30)

    async def _main(self) -> None:
        self.collector = Collector(self._path, "127.0.0.1:0", "127.0.0.1:0")
        self.loop = asyncio.get_running_loop()
        await self.collector.run(self._on_ready)

    def _on_ready(self, bound: Mapping[str, Any]) -> None:
        self._bound = dict(bound)
        self._ready.set()

    def url(self, protocol: str) -> str:
        """Endpoint for ``grpc`` or ``http/protobuf``."""
        host, port = self._bound["grpc" if protocol == "grpc" else "http"]
        return f"http://{host}:{port}"

    @property
    def reader(self) -> Reader:
        """Its store, while it runs."""
        return LocalReader(self.collector.store)

    def stop(self) -> None:
        """Stop and wait."""
        self.loop.call_soon_threadsafe(self.collector.stop)
        self._thread.join(30)


@pytest.fixture
def start_collector(tmp_path: Path) -> Iterator[Callable[[], RunningCollector]]:
    """Start a collector with a store of its own; stopped at the end."""
    running: list[RunningCollector] = []

    def start() -> RunningCollector:
        running.append(RunningCollector(tmp_path / f"target-{len(running)}.duckdb"))
        return running[-1]

    yield start
    for each in running:
        each.stop()
