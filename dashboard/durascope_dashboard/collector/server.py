"""`durascope collect`: store, receivers, follower and read API in one process, until SIGINT or SIGTERM."""

import asyncio
import contextlib
import gc
import importlib
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import uvicorn

from durascope_dashboard.collector.bounded import BoundedReader
from durascope_dashboard.collector.following import Follow, Following
from durascope_dashboard.collector.grpc_server import start_grpc
from durascope_dashboard.collector.guard import Guard
from durascope_dashboard.collector.history_api import HistoryApi
from durascope_dashboard.collector.housekeeping import Housekeeping
from durascope_dashboard.collector.http_app import build_app
from durascope_dashboard.collector.ingest import Ingest
from durascope_dashboard.collector.joiner import Join, joiner
from durascope_dashboard.collector.listening import listen, parse_address
from durascope_dashboard.collector.read_api import ReadApi
from durascope_dashboard.collector.receiver import Receiver
from durascope_dashboard.collector.settings import Retention, Settings
from durascope_dashboard.collector.tailing import Tail
from durascope_dashboard.exceptions import UsageError
from durascope_dashboard.export.metrics_endpoint import MetricsEndpoint
from durascope_dashboard.local_reader import LocalReader
from durascope_dashboard.store.location import Location, open_store

log = logging.getLogger("durascope.collector")

GRPC_DEFAULT = "127.0.0.1:4317"
HTTP_DEFAULT = "127.0.0.1:4318"
STOP_GRACE_S = 5.0
KEEP_ALIVE_S = 75  # longer than clients keep a connection: at uvicorn's 5 s, which is httpx's too, both end it at once
SWITCH_S = 0.0005  # DuckDB asks for the interpreter between tasks: at the default 5 ms, commits wait for decoding
OnReady = Callable[[Mapping[str, Any]], None]


class _Server(uvicorn.Server):
    """uvicorn without its signal handling, which ends the process by the signal instead of with exit code 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Collector:
    """One running collector. ``run`` returns when it has been stopped and everything is flushed."""

    def __init__(
        self,
        store: Location,
        otlp_grpc: str = GRPC_DEFAULT,
        otlp_http: str = HTTP_DEFAULT,
        *,
        follow: Follow | None = None,
        join: Join | None = None,
        settings: Settings | None = None,
    ) -> None:
        """``join``: how runs are joined; by default in a process of its own."""
        self.settings = settings or Settings()
        self.grpc_address = parse_address(otlp_grpc, 4317)
        self.http_address = parse_address(otlp_http, 4318)
        self._ready = False
        self.store = open_store(store)
        shard = self.settings.shard
        if shard.count > 1 and not self.store.shared:
            self.store.close()
            raise UsageError(f"--shard {shard} needs a store that collectors share: --store clickhouse://HOST/DATABASE")
        self._joiner = joiner()
        self.ingest = Ingest(self.store, join=join or self._joiner, shard=shard)
        self.tail = Tail(self.store, self.ingest.rollup) if self.store.shared else None
        self.receiver = Receiver(self.ingest)
        self.following = Following(follow, self.ingest) if follow is not None else None
        # Taking out is the same work for all shards: one does it.
        self.housekeeping = Housekeeping(self.store, self.settings.retention if shard.index == 1 else Retention())
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ask it to end (from its own event loop)."""
        self._stop.set()

    def health(self) -> dict[str, Any]:
        """What /healthz answers."""
        return {
            "status": "ready" if self._ready else "starting",
            "engine": self.store.engine,
            "store": self.store.name,
            "history": {"state": "off"} if self.following is None else self.following.health(),
            **self.ingest.health(),
            "dropped_runs": self.housekeeping.dropped_runs,
            "store_errors": self.housekeeping.errors + (self.tail.errors if self.tail is not None else 0),
            **({"shard": str(self.settings.shard)} if self.settings.shard.count > 1 else {}),
        }

    async def run(self, on_ready: OnReady | None = None) -> None:
        """Serve until ``stop``. Raises PortInUse."""
        grpc_server = None
        listener = None
        try:
            listener = listen(
                *self.http_address,
                f"{self.http_address[0]}:{self.http_address[1]} (OTLP HTTP and read API) cannot be listened on; "
                "stop what listens there or choose another: --otlp-http",
            )
            grpc_server, grpc_port = start_grpc(self.receiver, *self.grpc_address, self.settings.access)
            self.ingest.start()
            if self.tail is not None:
                self.tail.start()
            self.housekeeping.start()
            await self._serve(listener, grpc_port, on_ready)
        finally:
            if listener is not None:
                listener.close()
            if grpc_server is not None:
                await asyncio.to_thread(grpc_server.stop(STOP_GRACE_S).wait)
            await asyncio.to_thread(self.close)

    async def _serve(self, listener: socket.socket, grpc_port: int, on_ready: OnReady | None) -> None:
        metrics = MetricsEndpoint(LocalReader(self.store), self.health).route()
        access = self.settings.access
        histories = HistoryApi(self.ingest, self.receiver.budget).routes()
        api = ReadApi(BoundedReader(self.store))
        app = Guard(build_app(self.receiver, api, self.health, [*histories, metrics]), access)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=int(STOP_GRACE_S),
            ssl_certfile=access.certificate, ssl_keyfile=access.key, timeout_keep_alive=KEEP_ALIVE_S,
        )  # fmt: skip
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not (server.started or serving.done()):  # noqa: ASYNC110 - uvicorn has a flag, not an event
            await asyncio.sleep(0.005)
        if self.following is not None:
            self.following.start()
        self._ready = True
        threading.Thread(target=importlib.import_module, args=("durascope_dashboard.store.queries",)).start()
        if on_ready is not None:
            on_ready({"http": listener.getsockname()[:2], "grpc": (self.grpc_address[0], grpc_port)})
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if self.following is not None:
            await asyncio.to_thread(self.following.stop)
        server.should_exit = True
        stopping.cancel()
        await serving

    def close(self) -> None:
        """Flush and release the store."""
        self.housekeeping.close()
        if self.tail is not None:
            self.tail.close()
        self.receiver.close()
        self.ingest.close()
        self._joiner.close()
        self.store.close()


def run_collector(
    store: Location,
    otlp_grpc: str = GRPC_DEFAULT,
    otlp_http: str = HTTP_DEFAULT,
    follow: Follow | None = None,
    on_ready: OnReady | None = None,
    settings: Settings | None = None,
) -> int:
    """Run in the foreground until SIGINT or SIGTERM; returns 0 when everything is flushed.

    ``follow`` makes the history follower for an ingest; without it no history is followed. Raises PortInUse,
    StoreUnavailable.
    """
    sys.setswitchinterval(SWITCH_S)
    gc.set_threshold(50_000, 20, 50)  # a request is thousands of small objects, none of them in a cycle
    asyncio.run(_main(store, otlp_grpc, otlp_http, follow, on_ready, settings))
    return 0


async def _main(
    store: Location, otlp_grpc: str, otlp_http: str, follow: Follow | None, on_ready: OnReady | None,
    settings: Settings | None,
) -> None:  # fmt: skip
    collector = Collector(store, otlp_grpc, otlp_http, follow=follow, settings=settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, collector.stop)
    await collector.run(on_ready)
