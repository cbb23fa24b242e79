"""The buffer in front of an exporter: what it keeps, what it gives up, and that it says so."""

import threading
import time
from collections.abc import Callable, Sequence

import pytest

from durascope import _buffer
from durascope._buffer import AGAIN, BATCH, BATCH_BYTES, HOPELESS, POISONED_AFTER, TAKEN, Answer, Buffer


class Collector:
    """Takes what it is sent, unless ``down``; fails at a batch with any of ``bad`` in it.

    It refuses one with any that is ``hopeless``, or with more than ``most``.
    """

    def __init__(self) -> None:
        self.down = False
        self.bad: set[int] = set()
        self.hopeless: set[int] = set()
        self.most = 100_000
        self.taken: list[int] = []
        self.sizes: list[int] = []
        self.refused = 0

    def __call__(self, items: Sequence[int]) -> Answer:
        refused = len(items) > self.most or bool(self.hopeless & set(items))
        if self.down or refused or self.bad & set(items):
            self.refused += 1
            return HOPELESS if refused and not self.down else AGAIN
        self.taken += items
        self.sizes.append(len(items))
        return TAKEN


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
    eventually(lambda: collector.refused > 0)
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

    def send(items: Sequence[int]) -> Answer:
        calls.append(len(items))
        if len(calls) == 1:
            raise OSError("no route")
        return TAKEN

    buffer = Buffer(send, size=100, name="test")
    buffer.put(1)
    eventually(lambda: buffer.sent == 1)


def test_putting_never_waits_for_sending() -> None:
    """The workflow thread calls put: a collector that hangs must not hold it up."""
    release = threading.Event()

    def hang(_: Sequence[int]) -> Answer:
        return TAKEN if release.wait(10) else AGAIN

    buffer = Buffer(hang, size=100_000, name="test")
    begun = time.monotonic()
    for item in range(10_000):
        buffer.put(item)
    assert time.monotonic() - begun < 2
    release.set()
    assert buffer.flush(10)


def test_a_batch_that_is_too_large_is_halved() -> None:
    """After an outage a collector gets a backlog in the sizes that it takes: nothing is lost."""
    collector = Collector()
    collector.down, collector.most = True, 200
    buffer = Buffer(collector, size=10_000, name="test")
    for item in range(5 * BATCH):
        buffer.put(item)
    eventually(lambda: collector.refused > 0)
    collector.down = False
    assert buffer.flush(10)
    assert sorted(collector.taken) == list(range(5 * BATCH))
    assert (buffer.dropped, max(collector.sizes)) == (0, BATCH // 4)


def test_only_the_item_that_is_refused_is_dropped() -> None:
    """Though nothing else comes; it is counted as dropped, and as refused."""
    collector = Collector()
    collector.hopeless = {77}
    buffer = Buffer(collector, size=10_000, name="test")
    buffer.put(*range(BATCH))
    assert buffer.flush(10)
    assert sorted(collector.taken) == [item for item in range(BATCH) if item != 77]
    assert (buffer.dropped, buffer.refused, buffer.sent) == (1, 1, BATCH - 1)


def test_a_collector_that_refuses_everything_is_left_in_peace() -> None:
    """It is not asked for each item without a pause."""
    collector = Collector()
    collector.most = 0
    buffer = Buffer(collector, size=10_000, name="test")
    buffer.put(*range(BATCH))
    assert not buffer.flush(0.2)
    assert collector.refused < 20
    buffer.close(0.0)


def test_a_batch_has_no_more_bytes_than_a_server_takes() -> None:
    """Estimated by ``weigh``; one that is larger by itself goes alone."""
    collector = Collector()
    buffer = Buffer(
        collector, size=10_000, name="test", weigh=lambda item: BATCH_BYTES // 10 if item else BATCH_BYTES * 2
    )
    buffer.put(*range(1, 26), 0, 26)
    assert buffer.flush(10)
    assert collector.taken == [*range(1, 26), 0, 26]
    assert collector.sizes == [10, 10, 5, 1, 1]


def test_what_a_collector_rejects_of_a_batch_is_not_sent() -> None:
    """A partial success."""
    buffer = Buffer[int](lambda items: Answer(True, rejected=2), size=100, name="test")
    buffer.put(1, 2, 3)
    assert buffer.flush(10)
    assert (buffer.sent, buffer.dropped, buffer.refused) == (1, 2, 2)


def test_a_flush_ends_in_time_however_slow_the_sending_is() -> None:
    """It waits for the thread that sends, and no longer than it was told to."""
    release = threading.Event()
    buffer = Buffer[int](lambda _: TAKEN if release.wait(30) else AGAIN, size=100, name="test")
    buffer.put(1)
    begun = time.monotonic()
    assert not buffer.flush(0.2)
    assert time.monotonic() - begun < 5
    release.set()
    assert buffer.flush(10)


def test_a_slow_collector_is_waited_for_by_one_thread_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A buffer whose sending took long is not taken along by another, whose items would be late."""
    collector = Collector()
    buffer = Buffer(collector, size=100, name="test")
    buffer.put(1)
    assert buffer.flush(10)
    monkeypatch.setattr(_buffer, "SLOW_S", -1.0)
    buffer.put(2)
    buffer.go_along()
    assert collector.taken == [1]
    eventually(lambda: collector.taken == [1, 2])


def test_closing_ends_the_thread() -> None:
    """None is left behind."""
    buffer = Buffer(Collector(), size=100, name="closing")
    buffer.put(1)
    buffer.close(10)
    assert buffer.sent == 1
    assert not [each for each in threading.enumerate() if each.name == "durascope-closing"]
