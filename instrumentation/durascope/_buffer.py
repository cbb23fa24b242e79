"""A bounded buffer in front of an exporter: sends within a fraction of a second, waits out a collector that is down.

put() --> [ oldest ......... newest ] --> batch --> exporter
             full: the oldest go, counted            not now: kept, tried again after a growing pause
                                                     never as it is: in halves, down to the item that is refused
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from durascope._safely import count_failure

T = TypeVar("T")

BATCH = 512
BATCH_BYTES = 3 * 2**20  # gRPC servers take 4 MiB unless they are told otherwise
# Things come in bursts, and a request costs ten times what a span in it does: so the first after a quiet time leaves
# at once with its burst, and a busy worker sends every 0.7 s, under the second that is promised.
COALESCE_S = 0.1
GAP_S = 0.7
SLOW_S = 0.25  # a buffer whose last sending took longer is not sent from the thread of another
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0
POISONED_AFTER = 3  # refusals of one batch while others get through; of single items while nothing does


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a batch: ``taken``, but for so many ``rejected``; or not, and if ``hopeless`` never as it is."""

    taken: bool
    rejected: int = 0
    hopeless: bool = False


TAKEN: Final = Answer(True)
AGAIN: Final = Answer(False)
HOPELESS: Final = Answer(False, hopeless=True)


class Buffer(Generic[T]):
    """Takes items from any thread without blocking; ``send`` runs on a thread of its own and tells what became of them.

    ``weigh`` estimates the bytes of an item, where a batch must not have too many. ``dropped`` counts items lost to a
    full buffer, to a collector that refuses them (these are ``refused``, too), or to shutdown. Whatever was put is
    sent, dropped, still here, or on its way.
    """

    def __init__(
        self,
        send: Callable[[Sequence[T]], Answer],
        *,
        size: int,
        name: str,
        gap_s: float = GAP_S,
        weigh: Callable[[T], int] | None = None,
    ) -> None:
        self._send, self._weigh = send, weigh
        self._size, self._name, self._gap_s = size, name, gap_s
        self._fresh: deque[T] = deque()
        self._failed: deque[list[T]] = deque()
        self._counting = threading.Lock()  # held for a moment only, never while sending
        self._moved = threading.Condition(self._counting)  # something was sent, or dropped
        self._refusals = 0  # of the oldest failed batch, while others got through
        self._alone = 0  # single items that were refused since something was taken
        self._sent_at = self._took_s = self._pause_s = 0.0
        self._wake, self._hurry, self._stop = threading.Event(), threading.Event(), threading.Event()
        self._flushing = 0  # how many wait for it
        self._sending = threading.Lock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self.company: Sequence[Buffer[Any]] = ()  # see keep_company
        self.put_in = self.sent = self.dropped = self.refused = 0

    def __len__(self) -> int:
        with self._counting:
            return self._held()

    def _held(self) -> int:
        return len(self._fresh) + sum(map(len, self._failed))

    def put(self, *items: T) -> None:
        """Never waits for sending, never raises; a full buffer loses its oldest items."""
        with self._counting:
            self.put_in += len(items)
            self._fresh.extend(items)
            self._shed()
        if self._thread is None:
            self.start()
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

    def start(self) -> None:
        """Start the thread, which the first item would do; a process that exits can start none any more."""
        with self._starting:
            if self._thread is None and not self._stop.is_set():
                thread = threading.Thread(target=self._work, name=f"durascope-{self._name}", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:
                    count_failure("start of a thread", error)
                else:
                    self._thread = thread

    def _work(self) -> None:
        while not self._stop.is_set():
            self._wake.wait()
            self._wake.clear()
            self._rest()
            if not len(self):
                continue
            with self._sending:
                self._send_all()
            for each in self.company:
                each.go_along()

    def _rest(self) -> None:
        """Let a burst come together, or a collector recover; less if somebody waits for it."""
        if self._pause_s and self._hurry.is_set():
            self._stop.wait(FIRST_PAUSE_S)
            return
        self._hurry.wait(self._pause_s or COALESCE_S)
        while (left := self._sent_at + self._gap_s - time.monotonic()) > 0 and not self._pause_s:
            if self._hurry.wait(left):  # taken along meanwhile, the next time is later
                return

    def go_along(self) -> None:
        """Send now what there is, on the caller's thread; not while that is being done, pauses, or has taken long."""
        if self._pause_s or self._took_s > SLOW_S or not self._sending.acquire(blocking=False):
            return
        try:
            self._wake.clear()
            self._send_all()
        finally:
            self._sending.release()

    def _send_all(self) -> None:
        self._sent_at = time.monotonic()
        while len(self):
            worked = self._step()
            with self._moved:
                self._moved.notify_all()
            if not worked:
                self._pause_s = min(max(self._pause_s * 2, FIRST_PAUSE_S), LONGEST_PAUSE_S)
                self._wake.set()
                break
            self._pause_s = 0.0
        self._took_s = time.monotonic() - self._sent_at

    def _step(self) -> bool:
        """Send one batch, the oldest first; False: the collector takes nothing now."""
        with self._counting:
            again = self._failed.popleft() if self._failed else []
        if again:
            answer = self._try(again)
            if answer.taken or answer.hopeless:
                with self._counting:
                    self._refusals = 0
                    self._failed.extendleft(reversed(self._halves(again) if answer.hopeless else []))
                return self._alone < POISONED_AFTER
        fresh = self._next()
        answer = self._try(fresh) if fresh else AGAIN
        with self._counting:
            if again:
                self._put_back(again, others=answer.taken)
            if fresh and not answer.taken:
                self._failed.extend(self._halves(fresh) if answer.hopeless else [fresh])
            self._shed()
        return answer.taken or (answer.hopeless and self._alone < POISONED_AFTER)

    def _next(self) -> list[T]:
        """The oldest that were not tried yet, no more than a request should hold."""
        with self._counting:
            found = [self._fresh.popleft() for _ in range(min(BATCH, len(self._fresh)))]
        weight = 0
        for number, item in enumerate(found if self._weigh is not None else ()):
            weight += self._weigh(item) if self._weigh is not None else 0
            if weight > BATCH_BYTES and number:
                with self._counting:
                    self._fresh.extendleft(reversed(found[number:]))
                return found[:number]
        return found

    def _put_back(self, batch: list[T], *, others: bool) -> None:
        """Put the oldest batch back; in halves, if it alone is refused again and again while ``others`` get through."""
        self._refusals += others
        poisoned = self._refusals >= POISONED_AFTER
        self._failed.extendleft(reversed(self._halves(batch) if poisoned else [batch]))
        self._refusals = 0 if poisoned else self._refusals

    def _halves(self, batch: list[T]) -> list[list[T]]:
        """What to try instead of a batch that is refused as it is; a single item is given up."""
        middle = len(batch) // 2
        if middle:
            return [batch[:middle], batch[middle:]]
        self._alone += 1
        self.dropped += 1
        self.refused += 1
        return []

    def _try(self, batch: list[T]) -> Answer:
        try:
            answer = self._send(batch)
        except Exception as error:
            count_failure(f"export of {self._name}", error)
            return AGAIN
        if answer.taken:
            with self._counting:
                rejected = min(answer.rejected, len(batch))
                self.sent += len(batch) - rejected
                self.dropped += rejected
                self.refused += rejected
                self._alone = 0
        return answer

    def flush(self, timeout_s: float) -> bool:
        """Send everything put before now; False if that was not possible within ``timeout_s``."""
        return flush_together([self], time.monotonic() + timeout_s)

    def urge(self) -> int:
        """Have its thread send at once, until :meth:`settled` was asked for what is returned."""
        with self._counting:
            self._flushing += 1
            self._hurry.set()
            goal = self.put_in
        self._wake.set()
        return goal

    def settled(self, goal: int, deadline: float) -> bool:
        """Wait until what was put before is sent or dropped; no longer than the ``deadline`` (monotonic)."""
        with self._moved:
            done = self._thread is not None and self._moved.wait_for(
                lambda: self.sent + self.dropped >= goal and not self._failed, max(deadline - time.monotonic(), 0.0)
            )
            self._flushing -= 1
            if not self._flushing:
                self._hurry.clear()
            return done or not goal

    def close(self, timeout_s: float) -> None:
        """Send what can be sent in the time, count the rest as dropped, and end the thread."""
        deadline = time.monotonic() + timeout_s
        self.flush(timeout_s)
        self._stop.set()
        self._hurry.set()
        self._wake.set()
        with self._counting:
            self._shed()
        if self._thread is not None:
            self._thread.join(max(deadline - time.monotonic(), 0.0))


def flush_together(buffers: Iterable[Buffer[Any]], deadline: float) -> bool:
    """Flush all of them side by side until the ``deadline`` (monotonic); whether all are empty."""
    urged = [(each, each.urge()) for each in buffers]
    results = [each.settled(goal, deadline) for each, goal in urged]  # each has to be asked
    return all(results)


def keep_company(*buffers: Buffer[Any]) -> None:
    """Let each take the others along when it sends: a second request costs half of the first, whose code is warm."""
    for buffer in buffers:
        buffer.company = [each for each in buffers if each is not buffer]
