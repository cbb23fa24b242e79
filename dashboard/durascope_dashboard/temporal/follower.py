"""Follows a Temporal server's runs: discovers them by visibility, long-polls the open ones, fetches closed ones once.

discover (0.5 s) --> tracker a run --long poll--> changed --flush (0.2 s)--> sink
                          ^------ describe, of runs with activities under way
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from durascope._history_encoded import failure_payloads
from durascope._history_payloads import Decode
from durascope.history import HistoryError
from durascope.identity import RunKey
from durascope.records import Micros
from durascope_dashboard.clock import micros_now
from durascope_dashboard.temporal.availability import Availability
from durascope_dashboard.temporal.codec import CodecUnavailable, Decoder, decoded
from durascope_dashboard.temporal.connection import Connection, TemporalConfig, connect
from durascope_dashboard.temporal.discovery import Discovery, Found, Wanted
from durascope_dashboard.temporal.pages import describe
from durascope_dashboard.temporal.pending import observations
from durascope_dashboard.temporal.sink import Sink
from durascope_dashboard.temporal.tracker import Tracker

log = logging.getLogger("durascope.temporal")

REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Pace:
    """How hard the server is asked. Times in seconds."""

    discover_s: float = 0.5
    reconcile_s: float = 30.0
    flush_s: float = 0.2
    describe_s: float = 1.0
    describes_per_s: float = 100.0
    open_polls: int = 600  # long polls under way at once
    crowded_poll_s: float = 0.5  # with more open runs than that, each poll gives way after so long
    closed_fetches: int = 16
    backoff_s: tuple[float, float] = (0.2, 5.0)
    batch: int = 200


class Follower:
    """``await run()`` until cancelled. ``lag_s``, ``open_runs``, ``state``, ``last_error`` may be read from any thread.

    ``state`` is starting | running | down. Errors of the server are waited out, never raised.
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
        self.gone = 0  # runs that retention took before they could be read
        self.unreadable = 0
        self._target = target
        self._sink = sink
        self._pace = pace or Pace()
        self._decoder = decoder
        self._wanted = wanted
        self._settled: OrderedDict[RunKey, None] = OrderedDict()  # stored or given up lately: not to be read again
        self._trackers: dict[RunKey, Tracker] = {}
        self._changed: dict[RunKey, Tracker] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._polls = asyncio.Semaphore(self._pace.open_polls)
        self._fetches = asyncio.Semaphore(self._pace.closed_fetches)
        self._server = Availability(*self._pace.backoff_s)

    @property
    def state(self) -> str:
        """starting | running | down."""
        return self._server.state

    @property
    def last_error(self) -> str | None:
        """What the server said when it last failed."""
        return self._server.last_error

    @property
    def open_runs(self) -> int:
        """Runs being followed."""
        return sum(not tracker.closed for tracker in list(self._trackers.values()))

    @property
    def lag_s(self) -> float:
        """Age of the oldest thing not passed on: a change, a run waiting for its turn, or the server's silence."""
        now = time.monotonic()
        since = [t.changed_at for t in list(self._changed.values())]
        since += [t.polled_at for t in list(self._trackers.values())]
        since.append(self._server.down_since)
        return max((now - at for at in since if at is not None), default=0.0)

    async def run(self) -> None:
        """Follow until cancelled."""
        connection = await self._connected()
        try:
            async with asyncio.TaskGroup() as group:
                for namespace in connection.namespaces:
                    group.create_task(self._discover(connection.client, namespace))
                group.create_task(self._describe(connection.client))
                group.create_task(self._flush())
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._write()
            if self._decoder is not None:
                await self._decoder.close()

    async def _connected(self) -> Connection:
        if isinstance(self._target, Connection):
            return self._target
        target = self._target
        return await self._server.until_answered(lambda: connect(target))

    # -- what there is --------------------------------------------------------------------------------------------

    async def _discover(self, client: Client, namespace: str) -> None:
        discovery = Discovery(client, namespace, self._sink, self._wanted)
        reconciled = float("-inf")
        while True:
            if time.monotonic() - reconciled >= self._pace.reconcile_s:
                found = await self._server.until_answered(discovery.everything)
                reconciled = time.monotonic()
            else:
                found = await self._server.until_answered(discovery.recent)
            trackers = [(self._follow(client, run), run) for run in found.runs if run.key not in self._settled]
            if found.closed_until is not None:
                closed = [tracker for tracker, run in trackers if not run.is_open]
                self._spawn(self._advance(discovery, found.closed_until, closed))
            await asyncio.sleep(self._pace.discover_s)

    async def _advance(self, discovery: Discovery, until: Micros, closed: list[Tracker]) -> None:
        """Move the watermark once everything that closed before it is stored."""
        for tracker in closed:
            await tracker.settled.wait()
        await asyncio.to_thread(discovery.set_watermark, until)

    def _follow(self, client: Client, found: Found) -> Tracker:
        tracker = self._trackers.get(found.key)
        if tracker is None:
            tracker = self._trackers[found.key] = Tracker.of(found.key, found.page_size)
            self._spawn(self._track(client, tracker, is_open=found.is_open))
        return tracker

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- one run --------------------------------------------------------------------------------------------------

    async def _track(self, client: Client, tracker: Tracker, *, is_open: bool) -> None:
        try:
            while not tracker.closed:
                tracker.polled_at = time.monotonic()
                async with self._polls if is_open else self._fetches:
                    tracker.polled_at = None
                    if await self._poll(client, tracker, wait=is_open):
                        if is_open or tracker.closed:  # pages of a closed run are passed on together
                            tracker.changed_at = tracker.changed_at or time.monotonic()
                            self._changed[tracker.key] = tracker
                    elif not is_open and not tracker.token:
                        is_open = True  # visibility was wrong, or a page was empty: wait for more
        except RPCError as error:
            self.gone += error.status == RPCStatusCode.NOT_FOUND
            self._drop(tracker, error)
        except HistoryError as error:
            self.unreadable += 1
            self._drop(tracker, error)

    async def _poll(self, client: Client, tracker: Tracker, *, wait: bool) -> bool:
        crowded = wait and len(self._trackers) > self._pace.open_polls
        try:
            async with asyncio.timeout(self._pace.crowded_poll_s if crowded and tracker.token else None):
                return await self._server.until_answered(lambda: tracker.read_page(client, self._decoder, wait=wait))
        except TimeoutError:
            return False

    def _drop(self, tracker: Tracker, error: Exception) -> None:
        log.warning("run %s of workflow %s is left out: %s", tracker.key.run_id, tracker.key.workflow_id, error)
        self._settle(tracker)
        self._changed.pop(tracker.key, None)

    def _settle(self, tracker: Tracker) -> None:
        self._trackers.pop(tracker.key, None)
        self._settled[tracker.key] = None
        if len(self._settled) > REMEMBERED:
            self._settled.popitem(last=False)
        tracker.settled.set()

    # -- attempts under way ---------------------------------------------------------------------------------------

    async def _describe(self, client: Client) -> None:
        while True:
            now = time.monotonic()
            pending = [t for t in self._trackers.values() if t.reader.pending_activities]
            every = max(self._pace.describe_s, len(pending) / self._pace.describes_per_s)
            due = [t for t in pending if now - t.described_at >= every]
            due.sort(key=lambda tracker: tracker.described_at)
            due = due[: max(1, int(self._pace.describes_per_s * self._pace.flush_s))]
            rows = await asyncio.gather(*(self._described(client, tracker) for tracker in due))
            new = [row for some in rows for row in some]
            if new:
                await asyncio.to_thread(self._sink.write_observations, new)
            await asyncio.sleep(self._pace.flush_s)

    async def _described(self, client: Client, tracker: Tracker) -> list[dict[str, object]]:
        tracker.described_at = time.monotonic()
        try:
            response = await describe(client, tracker.key)
        except RPCError as error:
            log.debug("describe failed: %s", error)  # its history poll deals with the server being away
            return []
        observed = micros_now()
        return tracker.observed(
            observations(tracker.key, response, observed, await self._decode(tracker.key, response))
        )

    async def _decode(self, key: RunKey, response: DescribeWorkflowExecutionResponse) -> Decode | None:
        pending = response.pending_activities
        encoded = [payload for info in pending for payload in failure_payloads(info.last_failure)]
        if self._decoder is None or not encoded:
            return None
        try:
            return await decoded(self._decoder, key.namespace, encoded)
        except CodecUnavailable as error:
            log.debug("describe's failures stay encoded: %s", error)  # the history poll waits for the codec and tells
            return None

    # -- passing on -----------------------------------------------------------------------------------------------

    async def _flush(self) -> None:
        while True:
            await self._write()
            await asyncio.sleep(self._pace.flush_s)

    async def _write(self) -> None:
        while self._changed:
            batch = list(self._changed.values())[: self._pace.batch]
            for tracker in batch:
                del self._changed[tracker.key]
            records = [record for tracker in batch if (record := tracker.record()) is not None]
            closed = [tracker for tracker in batch if tracker.closed]
            since = [tracker.changed_at for tracker in batch]
            for tracker in batch:
                tracker.changed_at = None
            try:
                await asyncio.to_thread(self._sink.write_history, records)
            except Exception:
                for tracker, at in zip(batch, since, strict=True):  # not stored: still changed
                    tracker.changed_at = at
                    self._changed[tracker.key] = tracker
                raise
            for tracker in closed:
                self._settle(tracker)
