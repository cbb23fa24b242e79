"""Runs that have closed, read into the store: listed by visibility, fetched side by side, committed in batches.

Nothing is remembered between two backfills but the store itself: what is stored as closed is passed over, so one that
was interrupted goes on where it was.

    list --> queue --> 32 x fetch --> batches (batches.py) --> history tables --> join
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Final

from temporalio.api.history.v1 import History
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import CountWorkflowExecutionsRequest
from temporalio.service import RPCError, RPCStatusCode

from durascope.history import HistoryError
from durascope_dashboard import clock
from durascope_dashboard.exceptions import DurascopeError, TemporalUnavailable, UsageError, innermost
from durascope_dashboard.store.location import Location
from durascope_dashboard.temporal.availability import Availability
from durascope_dashboard.temporal.batches import Batches, Tally
from durascope_dashboard.temporal.codec import Decoder, Patient
from durascope_dashboard.temporal.connection import Connection, TemporalConfig, connect
from durascope_dashboard.temporal.discovery import query_time
from durascope_dashboard.temporal.folding import Fold, Whole, folder
from durascope_dashboard.temporal.folding import fold as fold_here
from durascope_dashboard.temporal.opening import opened_sink
from durascope_dashboard.temporal.pages import CALL_TIMEOUT, list_runs, page_size, run_key
from durascope_dashboard.temporal.sink import ClosedSink
from durascope_dashboard.temporal.tracker import Tracker

log = logging.getLogger("durascope.temporal")

IN_FLIGHT: Final = 32
MANY: Final = 2000  # runs from which on the second process is worth its start, which takes half a second
LARGE: Final = 1_000_000  # bytes of one history: it is folded page by page, so that it is never held as a whole


def parse_since(text: str, now: datetime | None = None) -> datetime:
    """``90s``, ``12h``, ``7d``, ``2w`` ago, or an ISO date or time (UTC if it names no zone). Raises UsageError."""
    try:
        return clock.since(text, now)
    except ValueError as error:
        raise UsageError(f"--since {text!r} is no time; write 7d, 12h or 2026-11-23T08:00") from error


def closed_query(query: str | None, since: datetime | None) -> str:
    """The visibility query for closed runs that match."""
    closed = f"CloseTime >= '{query_time(int(since.timestamp() * 1e6))}'" if since else "CloseTime IS NOT NULL"
    return f"{closed} AND ({query})" if query else closed


class Backfill:
    """One backfill. ``tally`` may be read while ``run`` is under way."""

    def __init__(
        self,
        connection: Connection,
        sink: ClosedSink,
        *,
        query: str | None = None,
        since: datetime | None = None,
        decoder: Decoder | None = None,
        in_flight: int = IN_FLIGHT,
        fold: Fold | None = None,
    ) -> None:
        """``fold``: what many histories are folded by; None, or with a ``decoder``: here, page by page."""
        self.tally = Tally()
        self._connection = connection
        self._sink = sink
        self._query = closed_query(query, since)
        self._decoder = Patient(decoder, Availability()) if decoder is not None else None
        self._in_flight = in_flight
        self.server = Availability()
        self._queue: asyncio.Queue[tuple[str, WorkflowExecutionInfo] | None] = asyncio.Queue(in_flight * 4)
        self._batches = Batches(sink, self.tally, fold or fold_here)
        self._folds_whole = fold is not None and decoder is None

    async def run(self) -> Tally:
        """Read and store them all. What was read is stored even if this is cancelled.

        Raises UsageError (bad query, codec's credentials), TemporalUnavailable (refused), StoreUnavailable.
        """
        await self._count()
        self._folds_whole &= self.tally.total is None or self.tally.total >= MANY
        try:
            async with asyncio.TaskGroup() as group:
                if self._folds_whole:
                    group.create_task(self._batches.start())
                group.create_task(self._list())
                for _ in range(self._in_flight):
                    group.create_task(self._work())
        except ExceptionGroup as errors:
            raise _told(self._query, innermost(errors)) from errors
        finally:
            await self._batches.write_all()
        return self.tally

    async def _count(self) -> None:
        total = 0
        service = self._connection.client.workflow_service
        for namespace in self._connection.namespaces:
            request = CountWorkflowExecutionsRequest(namespace=namespace, query=self._query)
            call = partial(service.count_workflow_executions, request, timeout=CALL_TIMEOUT)
            try:
                total += (await self.server.until_answered(call)).count
            except RPCError as error:
                if error.status is RPCStatusCode.INVALID_ARGUMENT:
                    raise _told(self._query, error) from error
                return  # some visibility stores cannot count: then the end is not known beforehand
        self.tally.total = total

    async def _list(self) -> None:
        for namespace in self._connection.namespaces:
            async for page in list_runs(self._connection.client, namespace, self._query, server=self.server):
                keys = [run_key(namespace, info) for info in page]
                known = await asyncio.to_thread(self._sink.known_closed, keys)
                self.tally.known += len(known)
                for key, info in zip(keys, page, strict=True):
                    if key not in known:
                        await self._queue.put((namespace, info))
        for _ in range(self._in_flight):
            await self._queue.put(None)

    async def _work(self) -> None:
        while (item := await self._queue.get()) is not None:
            await self._read(self.tracker(*item))
            await self._batches.write_due()

    async def _read(self, tracker: Tracker) -> None:
        client = self._connection.client
        try:
            if self._folds_whole and (pages := await self._whole_history(tracker)) is not None:
                self._batches.add_whole(Whole(tracker.reader.key, pages))
                return
            while True:
                await self.server.until_answered(lambda: tracker.read_page(client, self._decoder, wait=False))
                if tracker.closed or not tracker.token:
                    self._batches.add_record(tracker.reader.record())
                    return
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            self.tally.gone += 1
        except HistoryError as error:
            self.tally.unreadable += 1
            log.warning("%s", error)
        except DurascopeError:
            raise
        except Exception:  # one run that is not understood must not end the others' turn
            self.tally.unreadable += 1
            log.exception("run %s of workflow %s cannot be read", tracker.key.run_id, tracker.key.workflow_id)

    async def _whole_history(self, tracker: Tracker) -> list[bytes] | None:
        """All its pages; None: it is too large, and its first pages have been fed to the tracker's reader."""
        pages: list[bytes] = []
        while sum(map(len, pages)) <= LARGE:
            page = await self.server.until_answered(lambda: tracker.fetch(self._connection.client, wait=False))
            if page is None:
                pages.clear()
                continue
            pages.append(page.history.SerializeToString())
            tracker.token = page.token
            if not page.token:
                return pages
        for event in chain.from_iterable(History.FromString(page).events for page in pages):
            tracker.reader.feed(event)
        return None

    def tracker(self, namespace: str, info: WorkflowExecutionInfo) -> Tracker:
        """What reads a listed run."""
        return Tracker.of(run_key(namespace, info), page_size(info))


def _told(query: str, error: Exception) -> Exception:
    if not isinstance(error, RPCError):
        return error
    if error.status is RPCStatusCode.INVALID_ARGUMENT:
        return UsageError(f"Temporal does not take the query {query!r}: {error.message}")
    return TemporalUnavailable(
        f"Temporal refused ({error.message.rstrip('.')}); check the namespace and its permissions"
    )


def run_backfill(
    config: TemporalConfig,
    *,
    store: Location | None = None,
    server: str | None = None,
    query: str | None = None,
    since: datetime | None = None,
    in_flight: int = IN_FLIGHT,
    on_progress: Callable[[Tally], None] | None = None,
) -> Tally:
    """Read closed runs into the store, or into the collector that owns it (see ``opened_sink``); returns when they are
    joined. Ctrl-C keeps what was read.

    Raises TemporalUnavailable, UsageError, StoreUnavailable.
    """
    decoder = config.decoder()
    with (
        opened_sink(store, server, many=True) as sink,
        closing(folder()) as fold,
        asyncio.Runner(loop_factory=quick_loop()) as runner,
    ):
        return runner.run(_run(config, sink, decoder, query, since, in_flight, on_progress, fold))


def quick_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, with which this process needs a fifth less; None, asyncio's own, where there is none (Windows)."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _run(
    config: TemporalConfig,
    sink: ClosedSink,
    decoder: Decoder | None,
    query: str | None,
    since: datetime | None,
    in_flight: int,
    on_progress: Callable[[Tally], None] | None,
    fold: Fold,
) -> Tally:
    connection = await connect(config)
    backfill = Backfill(connection, sink, query=query, since=since, decoder=decoder, in_flight=in_flight, fold=fold)
    work = asyncio.create_task(backfill.run())
    try:
        while not work.done():
            await asyncio.wait({work}, timeout=0.2)
            if on_progress is not None:
                on_progress(backfill.tally)
    except asyncio.CancelledError:  # Ctrl-C
        work.cancel()
        await asyncio.wait({work})
        raise
    finally:
        if decoder is not None:
            await decoder.close()
    return work.result()
