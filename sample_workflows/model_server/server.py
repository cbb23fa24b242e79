"""The scripted server in a thread of its own, so that it answers whatever the caller's event loop is doing."""

import asyncio
import socket
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import uvicorn

from sample_workflows.model_server.app import ModelApp
from sample_workflows.model_server.latency import INSTANT, Latency
from sample_workflows.model_server.log import RequestLog
from sample_workflows.model_server.rules import Rule

START_TIMEOUT_S = 15.0


class ModelServerError(Exception):
    """The scripted model server could not start; the message says why."""


class ScriptedServer:
    """An OpenAI-compatible server on 127.0.0.1 that answers from a script.

    ``port`` 0 takes any free one. Without ``rules`` every request gets the default answer; without ``latency`` at once.
    A context manager, plain or async; ``log`` may be read at any time and stays after the server has stopped.
    """

    def __init__(self, port: int = 0, seed: int = 0, rules: Sequence[Rule] = (), latency: Latency = INSTANT) -> None:
        self._app = ModelApp(rules=list(rules), seed=seed, latency=latency)
        self._port = port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port it listens on, once started."""
        return self._port

    @property
    def base_url(self) -> str:
        """What OPENAI_BASE_URL must be."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def log(self) -> RequestLog:
        """Every request so far."""
        return self._app.log

    def start(self) -> Self:
        """Listen. Raises ModelServerError if the port is taken."""
        listener = _listen(self._port)
        self._port = int(listener.getsockname()[1])
        config = uvicorn.Config(
            self._app.starlette(), ws="none", lifespan="off", log_level="error", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="scripted-model-server", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise ModelServerError(f"the model server on port {self._port} did not start; is the port free?")
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """Stop listening and end the thread. Does nothing if it is not running."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(10)
        self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise ModelServerError(
            f"the model server cannot listen on port {port} ({error.strerror}); give another with --port"
        ) from error
    listener.listen(512)
    listener.setblocking(False)
    return listener
