"""One run while it is read: page after page into a reader, and what was seen of its pending attempts."""

import asyncio
from dataclasses import dataclass, field

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from durascope._history_encoded import encoded_payloads
from durascope.history import HistoryError, HistoryReader
from durascope.identity import RunKey
from durascope.records import HistoryRecord
from durascope_dashboard.temporal.availability import REFUSED, TRANSIENT
from durascope_dashboard.temporal.codec import Decoder, decoded
from durascope_dashboard.temporal.pages import HISTORY_PAGE, HistoryPage, history_page
from durascope_dashboard.temporal.pending import Row, merged


def _future() -> "asyncio.Future[None]":
    return asyncio.get_running_loop().create_future()


@dataclass(slots=True)
class Tracker:
    """``changed_at`` is the (monotonic) time of the oldest change that is not stored yet."""

    key: RunKey
    reader: HistoryReader
    token: bytes = b""
    changed_at: float | None = None
    polled_at: float | None = None  # end of the last poll; None while one is under way
    described_at: float = 0.0
    settled: "asyncio.Future[None]" = field(default_factory=_future)  # done: stored for good, or given up
    attempts: dict[tuple[str, int], Row] = field(default_factory=dict)
    page_size: int = HISTORY_PAGE

    @classmethod
    def of(cls, key: RunKey, size: int = HISTORY_PAGE) -> "Tracker":
        """One that has read nothing yet."""
        return cls(key, HistoryReader(key), page_size=size)

    def settle(self) -> None:
        """Nothing is left to do for it."""
        if not self.settled.done():
            self.settled.set_result(None)

    @property
    def closed(self) -> bool:
        """Whether the history is complete."""
        return self.reader.closed

    async def read_page(self, client: Client, decoder: Decoder | None, *, wait: bool) -> bool:
        """Read one page; True if it brought events. Raises RPCError, HistoryError, and what the decoder does."""
        page = await self.fetch(client, wait=wait)
        if page is None:
            return False
        events = page.history.events
        if decoder is not None:
            encoded = encoded_payloads(events, self.reader.model_calls)
            self.reader.decode = await decoded(decoder, self.key.namespace, encoded) if encoded else None
        before = self.reader.last_event_id
        for event in events:
            self.reader.feed(event)
        self.token = page.token
        return self.reader.last_event_id > before

    async def fetch(self, client: Client, *, wait: bool) -> HistoryPage | None:
        """The page that ``token`` leads to, unread; None: all has to be read again. Raises RPCError."""
        try:
            return await history_page(client, self.key, self.token, wait=wait, size=self.page_size)
        except RPCError as error:
            if self.token and error.status not in (*TRANSIENT, *REFUSED, RPCStatusCode.NOT_FOUND):
                self.restart()  # the token's branch is gone (reset, failover)
                return None
            raise

    def restart(self) -> None:
        """Forget what was read."""
        self.reader = HistoryReader(self.key)
        self.token = b""

    def record(self) -> HistoryRecord | None:
        """The record so far; None before the first event."""
        try:
            return self.reader.record()
        except HistoryError:
            if self.closed:
                raise
            return None  # nothing read yet

    def observed(self, rows: list[Row]) -> list[Row]:
        """Those rows that say something new, merged with what was seen of the same attempts before."""
        new: list[Row] = []
        for row in rows:
            name = (row["activity_id"], row["attempt"])
            before = self.attempts.get(name)
            now = merged(before, row)
            if before is None or any(now[c] != before[c] for c in now if c != "observed"):
                self.attempts[name] = now
                new.append(now)
        return new
