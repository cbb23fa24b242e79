"""The buffer in front of an exporter: what it keeps, what it gives up, and that it says so."""

import threading
import time
from collections.abc import Callable, Sequence

from durascope._buffer import BATCH, POISONED_AFTER, Buffer


class Collector:
    """Takes what it is sent, unless ``down``; refuses a batch with any of ``bad`` in it."""

    def __init__(self) -> None:
        self.down = False
        self.bad: set[int] = set()
        self.taken: list[int] = []

    def __call__(self, items: Sequence[int]) -> bool:
        if self.down or self.bad & set(items):
            return False
        self.taken += items
        return True


def eventually(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_items_leave_by_themselves_soon() -> None:
    """Nobody has to flush."""
    collector = Collector()
    buffer = Buffer(collector, size=100, name="test")
    buffer.put(1)
    eventually(lambda: collector.taken == [1])
    assert buffer.dropped == 0


def test_a_collector_that_comes_back_gets_everything() -> None:
    """What could not be sent is kept and sent, oldest first."""
    collector = Collector()
    collector.down = True
    buffer = Buffer(collector, size=10_000, name="test")
    for item in range(3 * BATCH):
        buffer.put(item)
    assert not buffer.flush(0.1)
    collector.down = False
    eventually(lambda: len(buffer) == 0)
    assert sorted(collector.taken) == list(range(3 * BATCH))
    assert buffer.dropped == 0 and buffer.sent == 3 * BATCH


def test_a_full_buffer_loses_the_oldest_and_counts_them() -> None:
    """Bounded, and honest about it."""
    collector = Collector()
    collector.down = True
    buffer = Buffer(collector, size=10, name="test")
    for item in range(25):
        buffer.put(item)
    collector.down = False
    assert buffer.flush(5)
    assert len(collector.taken) + buffer.dropped == 25
    assert buffer.dropped >= 15
    assert collector.taken[-1] == 24


def test_one_bad_batch_does_not_hold_up_the_rest() -> None:
    """A batch that is refused while others get through is given up, and counted."""
    collector = Collector()
    collector.bad = {0}
    buffer = Buffer(collector, size=10_000, name="test")
    buffer.put(0)
    assert not buffer.flush(0.0)
    for item in range(1, POISONED_AFTER + 2):
        buffer.put(item)
        buffer.flush(0.3)
    eventually(lambda: len(buffer) == 0)
    assert buffer.dropped == 1
    assert collector.taken == list(range(1, POISONED_AFTER + 2))


def test_closing_gives_up_in_time() -> None:
    """What cannot be sent at the end is counted as dropped."""
    collector = Collector()
    collector.down = True
    buffer = Buffer(collector, size=100, name="test")
    buffer.put(1)
    begun = time.monotonic()
    buffer.close(0.3)
    assert time.monotonic() - begun < 5
    assert buffer.dropped == 1
    buffer.put(2)
    assert buffer.dropped == 2


def test_an_exporter_that_raises_is_one_that_failed() -> None:
    """It costs nobody anything."""
    calls: list[int] = []

    def send(items: Sequence[int]) -> bool:
        calls.append(len(items))
        if len(calls) == 1:
            raise OSError("no route")
        return True

    buffer = Buffer(send, size=100, name="test")
    buffer.put(1)
    eventually(lambda: buffer.sent == 1)


def test_putting_never_waits_for_sending() -> None:
    """The workflow thread calls put: a collector that hangs must not hold it up."""
    release = threading.Event()

    def hang(_: Sequence[int]) -> bool:
        return release.wait(10)

    buffer = Buffer(hang, size=100_000, name="test")
    begun = time.monotonic()
    for item in range(10_000):
        buffer.put(item)
    assert time.monotonic() - begun < 2
    release.set()
    assert buffer.flush(10)
