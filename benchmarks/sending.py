"""Senders of OTLP/HTTP: a few connections that post bodies, paced or as fast as they are answered.

A sender treats 429 and 503 as the specification says: it waits as long as Retry-After asks, and sends again.
"""

import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.load import SPANS_PER_RUN, requests

HEADERS = {"Content-Type": "application/x-protobuf"}


@dataclass
class Sent:
    """One acknowledged request: its runs, when it was first sent and when it was acknowledged (monotonic s)."""

    runs: list[str]
    spans: int
    sent: float
    acknowledged: float


@dataclass
class Senders:
    """``connections`` threads that post to ``port`` until ``stop``; ``rate``: spans a second over all, if any."""

    port: int
    connections: int = 4
    rate: float | None = None
    spans_per_request: int = 1000
    on_sent: Callable[[Sent], None] | None = None
    path: str = "/v1/traces"
    log: list[Sent] = field(default_factory=list)
    retried: int = 0
    errors: list[str] = field(default_factory=list)
    newest: Sent | None = None  # the request sent last, acknowledged or not

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self._turn = 0
        self._threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(self.connections)]

    def start(self) -> "Senders":
        """Begin to send."""
        self._begun = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Let the requests in flight end."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    @property
    def spans(self) -> int:
        """How many spans were acknowledged."""
        return sum(sent.spans for sent in self.log)

    def between(self, low: float, high: float) -> tuple[int, list[float]]:
        """Of what was sent in that time (``time.monotonic``): spans a second, and seconds to each acknowledgement."""
        chosen = [item for item in self.log if low <= item.sent < high]
        rate = round(sum(item.spans for item in chosen) / (high - low))
        return rate, [item.acknowledged - item.sent for item in chosen]

    def _run(self, number: int) -> None:
        bodies = requests(self.spans_per_request, seed=number)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self._stop.is_set():
            self._pace()
            body, runs = next(bodies)
            begun = time.monotonic()
            self.newest = Sent(runs, len(runs) * SPANS_PER_RUN, begun, begun)
            while not self._stop.is_set():
                try:
                    if self._send(connection, body):
                        self._sent(Sent(runs, len(runs) * SPANS_PER_RUN, begun, time.monotonic()))
                        break
                except (OSError, http.client.HTTPException) as error:
                    # Killed, or it refuses connections: whether this was stored is not known, so it is sent again.
                    self.errors.append(type(error).__name__)
                    connection.close()
                    self._stop.wait(0.05)
        connection.close()

    def _sent(self, sent: Sent) -> None:
        with self._lock:
            self.log.append(sent)
        if self.on_sent is not None:
            self.on_sent(sent)

    def _pace(self) -> None:
        if self.rate is None:
            return
        with self._lock:
            due = self._begun + self._turn * self.spans_per_request / self.rate
            self._turn += 1
        self._stop.wait(max(0.0, due - time.monotonic()))

    def _send(self, connection: http.client.HTTPConnection, body: bytes) -> bool:
        """Whether the request was acknowledged; False after the pause that the collector asked for."""
        connection.request("POST", self.path, body, HEADERS)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status == 200:
            return True
        self.retried += 1
        if answer.status not in (429, 503):
            self.errors.append(f"{answer.status} {said[:200]!r}")
        self._stop.wait(float(answer.headers.get("Retry-After") or 1))
        return False
