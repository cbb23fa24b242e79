"""A bounded buffer in front of an exporter: sends within a fraction of a second, waits out a collector that is down.

put() --> [ oldest ......... newest ] --> batch --> exporter
             full: the oldest go, counted            failed: kept, tried again after a growing pause
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from durascope._safely import count_failure

T = TypeVar("T")

BATCH = 512
# Things come in bursts, and a request costs ten times what a span in it does: so the first after a quiet time leaves
# at once with its burst, and a busy worker sends every 0.7 s, under the second that is promised.
COALESCE_S = 0.1
GAP_S = 0.7
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0
POISONED_AFTER = 3  # refusals of one batch while others get through


class Buffer(Generic[T]):
    """Takes items from any thread without blocking; ``send`` runs on a thread of its own and tells whether it worked.

    ``dropped`` counts items lost to a full buffer, to a collector that refuses them, or to shutdown. Whatever was put
    is sent, dropped, still here, or on its way.
    """

    def __init__(self, send: Callable[[Sequence[T]], bool], *, size: int, name: str, gap_s: float = GAP_S) -> None:
        self._send = send
        self._size = size
        self._name = name
        self._gap_s = gap_s
        self._sent_at = 0.0
        self._fresh: deque[T] = deque()
        self._failed: deque[list[T]] = deque()
        self._counting = threading.Lock()  # held for a moment only, never while sending
        self._refusals = 0  # of the oldest failed batch, while others got through
        self._pause_s = 0.0
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._sending = threading.Lock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self.company: Sequence[Buffer[Any]] = ()  # see keep_company
        self.dropped = 0
        self.sent = 0

    def __len__(self) -> int:
        with self._counting:
            return self._held()

    def _held(self) -> int:
        return len(self._fresh) + sum(map(len, self._failed))

    def put(self, *items: T) -> None:
        """Never waits for sending, never raises; a full buffer loses its oldest items."""
        with self._counting:
            self._fresh.extend(items)
            self._shed()
        if self._thread is None:
            self._start()
        if not self._wake.is_set():
            self._wake.set()

    def _shed(self) -> None:
        """Drop the oldest until the rest has room, which after the end is nothing."""
        size = 0 if self._stop.is_set() else self._size
        while self._held() > size:
            self.dropped += 1
            if not self._failed:
                self._fresh.popleft()
                continue
            self._failed[0].pop(0)
            if not self._failed[0]:
                self._failed.popleft()
                self._refusals = 0

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=f"durascope-{self._name}", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while not self._stop.is_set():
            self._wake.wait()
            self._wake.clear()
            self._stop.wait(self._pause_s or COALESCE_S)
            while (left := self._sent_at + self._gap_s - time.monotonic()) > 0 and not self._pause_s:
                if self._stop.wait(left):  # taken along meanwhile, the next time is later
                    break
            if not len(self):
                continue
            with self._sending:
                self._drain()
            self._sent_at = time.monotonic()
            for each in self.company:
                each.go_along()

    def go_along(self) -> None:
        """Send now what there is, on the caller's thread; not while that is being done, or pauses after a failure."""
        if self._pause_s or not self._sending.acquire(blocking=False):
            return
        try:
            self._wake.clear()
            self._drain()
            self._sent_at = time.monotonic()
        finally:
            self._sending.release()

    def _drain(self) -> None:
        while len(self):
            if not self._step():
                self._pause_s = min(max(self._pause_s * 2, FIRST_PAUSE_S), LONGEST_PAUSE_S)
                self._wake.set()
                return
            self._pause_s = 0.0

    def _step(self) -> bool:
        """Send one batch, the oldest first; False: the collector takes nothing now."""
        with self._counting:
            again = self._failed.popleft() if self._failed else []
        if again and self._try(again):
            self._refusals = 0
            return True
        with self._counting:
            fresh = [self._fresh.popleft() for _ in range(min(BATCH, len(self._fresh)))]
        worked = bool(fresh) and self._try(fresh)
        with self._counting:
            if again:
                self._refuse(again, others=worked)
            if fresh and not worked:
                self._failed.append(fresh)
            self._shed()
        return worked

    def _refuse(self, batch: list[T], *, others: bool) -> None:
        """Put the oldest batch back, unless it alone is refused while ``others`` get through."""
        self._refusals += others
        if self._refusals < POISONED_AFTER:
            self._failed.appendleft(batch)
            return
        self.dropped += len(batch)
        self._refusals = 0

    def _try(self, batch: list[T]) -> bool:
        try:
            worked = self._send(batch)
        except Exception as error:
            count_failure(f"export of {self._name}", error)
            worked = False
        if worked:
            self.sent += len(batch)
        return worked

    def flush(self, timeout_s: float) -> bool:
        """Send everything put before now; False if that was not possible within ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        if not self._sending.acquire(timeout=max(timeout_s, 0.0)):
            return False
        try:
            while len(self):
                if self._step():
                    continue
                if time.monotonic() + FIRST_PAUSE_S > deadline:
                    return False
                self._stop.wait(FIRST_PAUSE_S)
            return True
        finally:
            self._sending.release()

    def close(self, timeout_s: float) -> None:
        """Send what can be sent in the time, count the rest as dropped, and end the thread."""
        self.flush(timeout_s)
        self._stop.set()
        self._wake.set()
        with self._counting:
            self._shed()


def keep_company(*buffers: Buffer[Any]) -> None:
    """Let each take the others along when it sends: a second request costs half of the first, whose code is warm."""
    for buffer in buffers:
        buffer.company = [each for each in buffers if each is not buffer]
