"""Bodies as they come over the wire: what types and encodings are read, and how large a body may be.

Nothing here trusts a size that a sender states: bytes are counted as they come, and as they inflate.
"""

import threading
import zlib
from collections.abc import Callable
from typing import Final

from durascope_dashboard.collector.otlp import MalformedRequest
from durascope_dashboard.exceptions import CollectorError

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
MAX_BODY_BYTES: Final = 16 << 20
MAX_INFLATED_BYTES: Final = 64 << 20
MAX_HELD_BYTES: Final = 128 << 20  # of all requests together, as sent and as inflated, until they are answered
_PIECE: Final = 16 << 10  # read at once: what is left over after a gzip member is copied, so it must be little
_INFLATED_PIECE: Final = 4 << 20
_EITHER_HEADER: Final = zlib.MAX_WBITS | 32  # gzip's or zlib's


class PayloadTooLarge(ValueError):
    """More bytes than the collector takes in one request."""


class UnsupportedPayload(ValueError):
    """A content type or encoding that the collector does not read."""


class Overloaded(CollectorError):
    """Too much waits: the sender should try again after ``retry_after_s``."""

    retry_after_s = 1


class Budget:
    """How many bytes of requests are held in memory; safe from any thread."""

    def __init__(self, limit: int = MAX_HELD_BYTES) -> None:
        self.held = 0
        self._limit = limit
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Hold that many more. Raises Overloaded."""
        with self._lock:
            if self.held + size > self._limit:
                raise Overloaded(f"{self.held} bytes of requests are waiting to be read; send again in a second")
            self.held += size

    def give(self, size: int) -> None:
        """Hold that many less."""
        with self._lock:
            self.held -= size


class Hold:
    """What one request holds of a budget, as sent and as inflated, until ``give``."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.size = 0

    def take(self, size: int) -> None:
        """Hold that many bytes more. Raises Overloaded."""
        self._budget.take(size)
        self.size += size

    def give(self) -> None:
        """Give back all of it."""
        self._budget.give(self.size)
        self.size = 0


def media_type(content_type: str) -> str:
    """The type that a Content-Type header names: without parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def check_type(content_type: str) -> None:
    """Raises UnsupportedPayload for what is neither protobuf nor JSON."""
    if content_type not in (PROTOBUF, JSON):
        raise UnsupportedPayload(f"the content type {content_type[:80]!r} is not OTLP; send {PROTOBUF} or {JSON}")


def inflate(body: bytes, encoding: str, hold: Callable[[int], None], limit: int = MAX_INFLATED_BYTES) -> bytes:
    """Undo ``Content-Encoding``; ``hold`` is told of every so many bytes as they come, and may raise.

    Raises UnsupportedPayload, PayloadTooLarge or MalformedRequest.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise UnsupportedPayload(f"the content encoding {encoding[:40]!r} is not supported; send gzip, deflate or none")
    try:
        return _inflated(body, hold, limit)
    except EOFError:
        raise MalformedRequest(f"the {encoding} body ends too early") from None
    except zlib.error as error:
        raise MalformedRequest(f"the body is not valid {encoding} ({error})") from error


def _inflated(body: bytes, hold: Callable[[int], None], limit: int) -> bytes:
    """All members of a body, one after another: gzip may be written in several. Raises EOFError, zlib.error."""
    sent, at, size, parts = memoryview(body), 0, 0, []
    decoder = zlib.decompressobj(_EITHER_HEADER)
    while at < len(sent) or not decoder.eof:
        if decoder.eof:
            decoder = zlib.decompressobj(_EITHER_HEADER)
        piece = sent[at : at + _PIECE]
        part = decoder.decompress(piece, _INFLATED_PIECE)
        if not piece and not part and not decoder.eof:
            raise EOFError
        at += len(piece) - len(decoder.unused_data) - len(decoder.unconsumed_tail)
        size += len(part)
        if size > limit:
            raise PayloadTooLarge(f"the body inflates to more than {limit} bytes; send smaller batches")
        hold(len(part))
        parts.append(part)
    return b"".join(parts)
