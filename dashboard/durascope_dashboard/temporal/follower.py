"""Follows a Temporal server's runs: discovers them by visibility, long-polls the open ones, fetches closed ones once.

discover (0.5 s) --> tracker a run --long poll--> changed --flush (0.2 s)--> sink
                          ^------ describe, of runs with activities under way (describing.py)

Whatever it needs may be away: each namespace, the codec server and the sink are waited for by themselves.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from durascope.history import HistoryError
from durascope.identity import RunKey
from durascope_dashboard.temporal.codec import Decoder, Patient
from durascope_dashboard.temporal.connection import Connection, TemporalConfig, connect
from durascope_dashboard.temporal.describing import Describing
from durascope_dashboard.temporal.discovery import Discovery, Found, Wanted
from durascope_dashboard.temporal.needs import Needs
from durascope_dashboard.temporal.outbox import Outbox
from durascope_dashboard.temporal.pace import Pace
from durascope_dashboard.temporal.sink import Sink
from durascope_dashboard.temporal.tracker import Tracker

log = logging.getLogger("durascope.temporal")

REMEMBERED = 10_000
Look = Callable[[], AsyncIterator[list[Found]]]


class Follower:
    """``await run()`` until cancelled. What it tells may be read from any thread.

    Errors of the server, the codec server and the sink are waited out and told (``error``), never raised.
    """

    def __init__(
        self,
        target: Connection | TemporalConfig | None,
        sink: Sink,
        *,
        pace: Pace | None = None,
        decoder: Decoder | None = None,
        wanted: Wanted | None = None,
    ) -> None:
        """``wanted``: which runs are followed, where others follow the rest; None: all.

        ``decoder`` is closed at the end of ``run``.
        """
        self.gone = 0  # runs that Temporal deleted before their end was read
        self.unreadable = 0
        self._target = target
        self._sink = sink
        self._pace = pace or Pace()
        self._decoder = decoder
        self._wanted = wanted
        self._settled: OrderedDict[RunKey, None] = OrderedDict()  # stored or given up lately: not to be read again
        self._trackers: dict[RunKey, Tracker] = {}
        self._outbox = Outbox(sink, self._pace.batch, self._settle, self._drop)
        self._crowded: dict[Look, float] = {}  # looks that wait for room to read what they found, since when
        self._tasks: set[asyncio.Task[None]] = set()
        self._polls = asyncio.Semaphore(self._pace.open_polls)
        self._fetches = asyncio.Semaphore(self._pace.closed_fetches)
        self._room = asyncio.Semaphore(self._pace.closed_held)
        self._needs = Needs(self._pace.backoff_s)

    # -- what it tells --------------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """starting | running | down: nothing goes on. That one of several namespaces does not is told by ``error``."""
        return self._needs.state

    @property
    def error(self) -> str | None:
        """What does not go on, why, and what to do; None: everything does."""
        return self._needs.error

    @property
    def throttled(self) -> int:
        """Answers of the server that were only its rate limit."""
        return self._needs.throttled

    @property
    def undecoded(self) -> int:
        """Payloads that the codec could not decode."""
        return self._decoder.refused if self._decoder is not None else 0

    @property
    def open_runs(self) -> int:
        """Runs being followed."""
        return sum(not tracker.closed for tracker in list(self._trackers.values()))

    @property
    def lag_s(self) -> float:
        """Age of the oldest thing not passed on: a change, a run waiting for its turn, or a call for its answer."""
        now = time.monotonic()
        since = [t.polled_at for t in list(self._trackers.values())]
        since += [*list(self._crowded.values()), self._outbox.since, self._needs.waiting_since]
        return max((now - at for at in since if at is not None), default=0.0)

    # -- running --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Follow until cancelled. Raises UsageError (the configuration cannot be read)."""
        connection = await self._connected()
        client, needs = connection.client, self._needs
        describing = Describing(client, self._sink, needs, self._trackers, self._pace, self._decoder)
        try:
            async with asyncio.TaskGroup() as group:
                for name in connection.namespaces:
                    needs.add_namespace(name)
                    discovery = Discovery(client, name, self._sink, needs.store, self._wanted)
                    group.create_task(self._discover(client, discovery))
                    group.create_task(self._reconcile(client, discovery))
                group.create_task(describing.run())
                group.create_task(self._flush())
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            try:
                await self._outbox.write()
            finally:
                if self._decoder is not None:
                    await self._decoder.close()

    async def _connected(self) -> Connection:
        if isinstance(self._target, Connection):
            return self._target
        target = self._target
        return await self._needs.temporal.until_answered(lambda: connect(target))

    async def _flush(self) -> None:
        while True:
            await self._needs.store.until_answered(self._outbox.write)
            await asyncio.sleep(self._pace.flush_s)

    # -- what there is --------------------------------------------------------------------------------------------

    async def _discover(self, client: Client, discovery: Discovery) -> None:
        """Runs that begin."""
        while True:
            await self._look(client, discovery, discovery.recent)
            await asyncio.sleep(self._pace.discover_s)

    async def _reconcile(self, client: Client, discovery: Discovery) -> None:
        """All that is open or has closed. The watermark moves once everything that closed before it is stored."""
        while True:
            looked = time.monotonic()
            closed = await self._look(client, discovery, discovery.everything)
            if closed:
                await asyncio.wait(closed, timeout=self._pace.reconcile_s)
            if not closed:
                await discovery.move_watermark()
            await asyncio.sleep(max(self._pace.discover_s, looked + self._pace.reconcile_s - time.monotonic()))

    async def _look(self, client: Client, discovery: Discovery, look: Look) -> "set[asyncio.Future[None]]":
        """Follow what is found; of the closed runs, those that are not settled yet leave the result when they are."""
        waiting: set[asyncio.Future[None]] = set()

        async def once() -> None:
            async for found in look():
                for run in found:
                    tracker = await self._follow(client, run, look)
                    if tracker is not None and not run.is_open:
                        waiting.add(tracker.settled)
                        tracker.settled.add_done_callback(waiting.discard)

        await self._needs.listed(discovery.namespace, once)
        self._crowded.pop(look, None)
        return waiting

    async def _follow(self, client: Client, found: Found, look: Look) -> Tracker | None:
        """What reads the run; None if that is done. Closed ones wait for room, so that not all are held at once."""
        if found.key in self._trackers or found.key in self._settled:
            return self._trackers.get(found.key)
        if not found.is_open:
            if self._room.locked():
                self._crowded.setdefault(look, time.monotonic())
            await self._room.acquire()
            if found.key in self._trackers or found.key in self._settled:  # another look found it meanwhile
                self._room.release()
                return self._trackers.get(found.key)
        tracker = self._trackers[found.key] = Tracker.of(found.key, found.page_size)
        if not found.is_open:
            tracker.settled.add_done_callback(lambda _: self._room.release())
        task = asyncio.create_task(self._track(client, tracker, is_open=found.is_open))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return tracker

    # -- one run --------------------------------------------------------------------------------------------------

    async def _track(self, client: Client, tracker: Tracker, *, is_open: bool) -> None:
        try:
            while not tracker.closed:
                tracker.polled_at = time.monotonic()
                async with self._polls if is_open else self._fetches:
                    tracker.polled_at = None
                    if await self._poll(client, tracker, wait=is_open):
                        if is_open or tracker.closed:  # pages of a closed run are passed on together
                            self._outbox.add(tracker)
                    elif not is_open and not tracker.token:
                        is_open = True  # visibility was wrong, or a page was empty: wait for more
        except Exception as error:
            self._drop(tracker, error)

    async def _poll(self, client: Client, tracker: Tracker, *, wait: bool) -> bool:
        crowded = wait and len(self._trackers) > self._pace.open_polls
        server = self._needs.namespaces[tracker.key.namespace]
        decoder = Patient(self._decoder, self._needs.codec) if self._decoder is not None else None
        try:
            async with asyncio.timeout(self._pace.crowded_poll_s if crowded and tracker.token else None):
                return await server.until_answered(lambda: tracker.read_page(client, decoder, wait=wait))
        except TimeoutError:
            return False

    def _drop(self, tracker: Tracker, error: Exception) -> None:
        """Leave out what can never be read, so that nothing waits for it."""
        gone = isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND
        self.gone += gone
        self.unreadable += not gone
        expected = isinstance(error, (RPCError, HistoryError))
        log.warning(
            "run %s of workflow %s is left out: %s", tracker.key.run_id, tracker.key.workflow_id,
            error if expected else repr(error), exc_info=None if expected else error,
        )  # fmt: skip
        self._outbox.discard(tracker)
        self._settle(tracker)

    def _settle(self, tracker: Tracker) -> None:
        self._trackers.pop(tracker.key, None)
        self._settled[tracker.key] = None
        if len(self._settled) > REMEMBERED:
            self._settled.popitem(last=False)
        tracker.settle()
