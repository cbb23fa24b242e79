"""`durascope collect`: store, receivers, follower and read API in one process, until SIGINT or SIGTERM."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import uvicorn

from durascope_dashboard.collector.grpc_server import start_grpc
from durascope_dashboard.collector.http_app import build_app
from durascope_dashboard.collector.ingest import Ingest
from durascope_dashboard.collector.read_api import ReadApi
from durascope_dashboard.collector.receiver import Receiver
from durascope_dashboard.exceptions import CollectorError, PortInUse, UsageError
from durascope_dashboard.local_reader import LocalReader
from durascope_dashboard.store.duckdb_store import DuckStore

log = logging.getLogger("durascope.collector")

GRPC_DEFAULT = "127.0.0.1:4317"
HTTP_DEFAULT = "127.0.0.1:4318"
STOP_GRACE_S = 5.0
OnReady = Callable[[Mapping[str, Any]], None]


def parse_address(text: str, default_port: int) -> tuple[str, int]:
    """``host:port``, ``:port`` or ``host``. Raises UsageError."""
    host, separator, port = text.rpartition(":")
    if not separator:
        host, port = text, str(default_port)
    if not port.isdigit() or int(port) > 65535:
        raise UsageError(f"{text!r} is not an address; write it as host:port, for example 127.0.0.1:{default_port}")
    return host or "127.0.0.1", int(port)


class _Server(uvicorn.Server):
    """uvicorn without its signal handling, which ends the process by the signal instead of with exit code 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Collector:
    """One running collector. ``run`` returns when it has been stopped and everything is flushed."""

    def __init__(
        self,
        store: Path,
        otlp_grpc: str = GRPC_DEFAULT,
        otlp_http: str = HTTP_DEFAULT,
        *,
        follow: "Follow | None" = None,
    ) -> None:
        self.grpc_address = parse_address(otlp_grpc, 4317)
        self.http_address = parse_address(otlp_http, 4318)
        self._follow = follow
        self._follower: Any = None
        self._history_error: str | None = None
        self._ready = False
        self.store = DuckStore(store)
        self.ingest = Ingest(self.store)
        self.receiver = Receiver(self.ingest)
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ask it to end (from its own event loop)."""
        self._stop.set()

    def health(self) -> dict[str, Any]:
        """What /healthz answers."""
        history: dict[str, Any] = {"state": "off" if self._follow is None else "starting"}
        if self._follower is not None:
            history = {name: getattr(self._follower, name, None) for name in ("state", "lag_s", "open_runs")}
        if self._history_error is not None:
            history = {"state": "down", "error": self._history_error}
        return {
            "status": "ready" if self._ready else "starting",
            "engine": self.store.engine,
            "store": str(self.store.path),
            "history": history,
            **self.ingest.health(),
        }

    async def run(self, on_ready: OnReady | None = None) -> None:
        """Serve until ``stop``. Raises PortInUse."""
        grpc_server = None
        listener = None
        try:
            listener = _listen(*self.http_address)
            grpc_server, grpc_port = start_grpc(self.receiver, *self.grpc_address)
            self.ingest.start()
            await self._serve(listener, grpc_port, on_ready)
        finally:
            if listener is not None:
                listener.close()
            if grpc_server is not None:
                await asyncio.to_thread(grpc_server.stop(STOP_GRACE_S).wait)
            await asyncio.to_thread(self.close)

    async def _serve(self, listener: socket.socket, grpc_port: int, on_ready: OnReady | None) -> None:
        app = build_app(self.receiver, ReadApi(LocalReader(self.store)), self.health)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=int(STOP_GRACE_S)
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        following = asyncio.create_task(self._follow_history())
        self._ready = True
        if on_ready is not None:
            on_ready({"http": listener.getsockname()[:2], "grpc": (self.grpc_address[0], grpc_port)})
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        server.should_exit = True
        stopping.cancel()
        await serving

    async def _follow_history(self) -> None:
        if self._follow is None:
            return
        try:
            self._follower = await self._follow(self.ingest)
            await self._follower.run()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._history_error = str(error) or type(error).__name__
            log.exception("following history ended")

    def close(self) -> None:
        """Flush and release the store."""
        self.receiver.close()
        self.ingest.close()
        self.store.close()


Follow = Callable[[Ingest], Awaitable[Any]]


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortInUse(
            f"{host}:{port} (OTLP HTTP and read API) cannot be listened on ({error.strerror}); "
            "stop what listens there or choose another: --otlp-http"
        ) from error
    return listener


def run_collector(
    store: Path,
    otlp_grpc: str = GRPC_DEFAULT,
    otlp_http: str = HTTP_DEFAULT,
    history: bool = True,
    follow: Follow | None = None,
    on_ready: OnReady | None = None,
) -> int:
    """Run in the foreground until SIGINT or SIGTERM; returns 0 when everything is flushed.

    ``follow`` makes the history follower for an ingest; by default it is connected from Temporal's environment
    configuration. Raises PortInUse, StoreUnavailable.
    """
    asyncio.run(_main(store, otlp_grpc, otlp_http, (follow or _default_follow) if history else None, on_ready))
    return 0


async def _main(store: Path, otlp_grpc: str, otlp_http: str, follow: Follow | None, on_ready: OnReady | None) -> None:
    collector = Collector(store, otlp_grpc, otlp_http, follow=follow)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, collector.stop)
    await collector.run(on_ready)


async def _default_follow(ingest: Ingest) -> Any:
    try:
        from durascope_dashboard.temporal.follower import Follower
    except ImportError as error:
        raise CollectorError(f"the history follower cannot be loaded ({error}); run with --no-history") from error
    return Follower(None, ingest)
