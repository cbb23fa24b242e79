"""The server's own account of every request: what a ledger of tokens is checked against."""

import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sample_workflows.model_server.usage import Usage


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One HTTP request. Times are Unix seconds; ``usage`` is what was sent, None after a fault or a hang-up."""

    number: int
    endpoint: str
    model: str
    rule: str
    fingerprint: str
    seen: int  # how often the very same request came before
    started: float
    ended: float
    status: int  # 499: the client hung up before the answer
    stream: bool
    usage: Usage | None
    response_id: str | None
    retry_after: float | None
    headers: dict[str, str]  # those in LOGGED_HEADERS that were present
    user: str  # the last user message

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


LOGGED_HEADERS = ("x-stainless-retry-count", "x-stainless-read-timeout", "user-agent", "traceparent", "idempotency-key")


class RequestLog:
    """Append-only and safe between threads: the server writes in its own."""

    def __init__(self) -> None:
        self._records: list[RequestRecord] = []
        self._lock = threading.Lock()

    def append(self, record: RequestRecord) -> None:
        """Add one."""
        with self._lock:
            self._records.append(record)

    def __iter__(self) -> Iterator[RequestRecord]:
        with self._lock:
            return iter(tuple(self._records))

    def __len__(self) -> int:
        with self._lock:
            return len(self._records)

    def billed(self) -> Usage:
        """The sum of all usage sent."""
        sent = [record.usage for record in self if record.usage is not None]
        return Usage(
            sum(u.input for u in sent),
            sum(u.cached_input for u in sent),
            sum(u.output for u in sent),
            sum(u.reasoning for u in sent),
            sum(u.cache_write for u in sent),
        )
