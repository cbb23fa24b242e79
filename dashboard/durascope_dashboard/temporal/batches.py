"""What a backfill has read, on its way into the store: folded in one kind of batch, committed in another.

whole histories --> fold, in a process of its own --+
records, of what was folded page by page -----------+--> history tables --> join
"""

import asyncio
import logging
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

from durascope.records import HistoryRecord
from durascope_dashboard.child import ChildFailed
from durascope_dashboard.collector.history_rows import Histories
from durascope_dashboard.exceptions import DurascopeError, StoreUnavailable
from durascope_dashboard.store.opening import first_line
from durascope_dashboard.temporal.folding import Fold, Folded, Whole, fold
from durascope_dashboard.temporal.sink import ClosedSink

log = logging.getLogger("durascope.temporal")

BATCH: Final = 1000  # runs a commit
BATCH_S: Final = 2.0  # or so long, so that a slow server's runs are seen too
FOLD_BATCH: Final = 200  # runs that are folded at once,
FOLD_BYTES: Final = 4_000_000  # or so many bytes;
GATHERED: Final = 3  # while one batch is folded, so many may gather before those who read wait for it


@dataclass(slots=True)
class Tally:
    """How far it is; ``total`` is what visibility counts, None where it cannot."""

    total: int | None = None
    stored: int = 0
    known: int = 0  # passed over: stored before
    gone: int = 0  # retention was faster
    unreadable: int = 0

    @property
    def done(self) -> int:
        """Runs dealt with."""
        return self.stored + self.known + self.gone + self.unreadable


class Batches:
    """Filled by many tasks, each of which then calls ``write_due``; ``write_all`` is for the end."""

    def __init__(self, sink: ClosedSink, tally: Tally, fold_whole: Fold = fold) -> None:
        """``fold_whole``: called in a thread."""
        self._sink = sink
        self._tally = tally
        self._fold_whole = fold_whole
        self._whole: list[Whole] = []
        self._whole_bytes = 0
        self._folding = 0
        self._records: list[HistoryRecord] = []
        self._folded: list[Histories] = []
        self._written = time.monotonic()
        self._one_fold, self._one_commit = asyncio.Lock(), asyncio.Lock()
        self._begun: set[asyncio.Task[None]] = set()

    def add_whole(self, whole: Whole) -> None:
        """A history that is to be folded."""
        self._whole.append(whole)
        self._whole_bytes += sum(map(len, whole.pages))

    def add_record(self, record: HistoryRecord) -> None:
        """One that has been."""
        self._records.append(record)

    async def start(self) -> None:
        """Start the process that folds, if it is one, before there is anything to fold."""
        await asyncio.to_thread(self._folded_elsewhere, [])

    async def write_due(self) -> None:
        """Fold and commit what makes a batch, or has waited for long. Raises StoreUnavailable.

        What has begun ends, also when this is cancelled.
        """
        late = time.monotonic() - self._written > BATCH_S
        if late:
            self._written = time.monotonic()
        batches = GATHERED if self._folding else 1
        if late or len(self._whole) >= batches * FOLD_BATCH or self._whole_bytes >= batches * FOLD_BYTES:
            self._folding += 1  # at once, so that no other task begins with the next few too
            await self._shielded(self._fold_begun())
        if late or len(self._records) + sum(len(one.runs) for one in self._folded) >= BATCH:
            await self._shielded(self._commit(*self._take_folded()))

    async def write_all(self) -> None:
        """Fold and commit everything, after what has begun. Raises StoreUnavailable."""
        if self._begun:
            await asyncio.wait(self._begun)
        await self._fold()
        await self._commit(*self._take_folded())

    async def _shielded(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        await asyncio.shield(task)

    def _take_folded(self) -> tuple[list[Histories], list[HistoryRecord]]:
        """Taken at once, so that no other task takes it too."""
        taken = self._folded, self._records
        self._folded, self._records = [], []
        return taken

    async def _fold_begun(self) -> None:
        try:
            await self._fold()
        finally:
            self._folding -= 1

    async def _fold(self) -> None:
        async with self._one_fold:
            wholes, self._whole, self._whole_bytes = self._whole, [], 0
            if not wholes:
                return
            folded = await asyncio.to_thread(self._folded_elsewhere, wholes)
        for why in folded.unreadable:
            log.warning("%s", why)
        self._tally.unreadable += len(folded.unreadable)
        self._folded.append(folded.histories)

    def _folded_elsewhere(self, wholes: list[Whole]) -> Folded:
        try:
            return self._fold_whole(wholes)
        except (OSError, EOFError, ChildFailed) as error:
            log.warning("histories are folded here, as the process for it failed (%s)", str(error) or "it ended")
            return fold(wholes)

    async def _commit(self, folded: list[Histories], records: list[HistoryRecord]) -> None:
        histories = Histories.together([*folded, Histories.of(records)])
        async with self._one_commit:
            try:
                if histories.runs:
                    await asyncio.to_thread(self._sink.write_histories, histories)
            except Exception as error:
                self._folded.append(histories)
                if isinstance(error, DurascopeError):
                    raise
                raise StoreUnavailable(
                    f"the store did not take {len(histories.runs)} runs ({first_line(error)}); make room for them: "
                    "what was stored before stays, and the same command goes on from there"
                ) from error
            self._tally.stored += len(histories.runs)
            self._written = time.monotonic()
