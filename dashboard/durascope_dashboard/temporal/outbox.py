"""Runs that changed and are not stored yet: written in batches, whole runs at a time."""

import asyncio
import time
from collections.abc import Callable
from itertools import chain

from durascope.identity import RunKey
from durascope.records import HistoryRecord
from durascope_dashboard.temporal.sink import Sink
from durascope_dashboard.temporal.tracker import Tracker


class Outbox:
    """``on_stored`` is told of closed runs that are stored, ``on_unreadable`` of runs that no record can be made of."""

    def __init__(
        self,
        sink: Sink,
        batch: int,
        on_stored: Callable[[Tracker], None],
        on_unreadable: Callable[[Tracker, Exception], None],
    ) -> None:
        self._sink = sink
        self._batch = batch
        self._on_stored = on_stored
        self._on_unreadable = on_unreadable
        self._changed: dict[RunKey, Tracker] = {}
        self._writing_since: float | None = None  # the oldest change that is being written

    def add(self, tracker: Tracker) -> None:
        """It has changed."""
        tracker.changed_at = tracker.changed_at or time.monotonic()
        self._changed[tracker.key] = tracker

    def discard(self, tracker: Tracker) -> None:
        """It is left out."""
        self._changed.pop(tracker.key, None)

    @property
    def since(self) -> float | None:
        """When (monotonic) the oldest change that is not stored was read. May be asked from any thread."""
        since = [self._writing_since, *(tracker.changed_at for tracker in list(self._changed.values()))]
        return min((at for at in since if at is not None), default=None)

    async def write(self) -> None:
        """Store all of it. Raises what the sink raises; what was not stored stays."""
        while self._changed:
            batch = list(self._changed.values())[: self._batch]
            for tracker in batch:
                del self._changed[tracker.key]
            closed = [tracker for tracker in batch if tracker.closed]
            records = list(chain.from_iterable(map(self._record, batch)))
            since = {tracker.key: tracker.changed_at for tracker in batch}
            self._writing_since = min((at for at in since.values() if at is not None), default=None)
            for tracker in batch:
                tracker.changed_at = None
            try:
                if records:
                    await asyncio.to_thread(self._sink.write_history, records)
            except Exception:
                self._put_back(batch, since)
                raise
            finally:
                self._writing_since = None
            for tracker in closed:
                self._on_stored(tracker)

    def _put_back(self, batch: list[Tracker], since: dict[RunKey, float | None]) -> None:
        for tracker in batch:
            if not tracker.settled.done():
                tracker.changed_at = since[tracker.key]
                self._changed[tracker.key] = tracker

    def _record(self, tracker: Tracker) -> list[HistoryRecord]:
        """None of a run that has no event yet, or that cannot be told."""
        try:
            record = tracker.record()
        except Exception as error:
            self._on_unreadable(tracker, error)
            return []
        return [record] if record is not None else []
