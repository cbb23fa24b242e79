"""Bodies as they come over the wire: what types and encodings are read, and how large a body may be.

Nothing here trusts a size that a sender states: bytes are counted as they come, and as they inflate.
"""

import threading
import zlib
from typing import Final

from durascope_dashboard.collector.otlp import MalformedRequest
from durascope_dashboard.exceptions import CollectorError

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
MAX_BODY_BYTES: Final = 16 << 20
MAX_INFLATED_BYTES: Final = 64 << 20
MAX_HELD_BYTES: Final = 128 << 20  # of all requests together, from their first byte until they are decoded


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


def check_type(content_type: str) -> None:
    """Raises UnsupportedPayload for what is neither protobuf nor JSON."""
    if content_type not in (PROTOBUF, JSON):
        raise UnsupportedPayload(f"the content type {content_type[:80]!r} is not OTLP; send {PROTOBUF} or {JSON}")


def inflate(body: bytes, encoding: str, limit: int = MAX_INFLATED_BYTES) -> bytes:
    """Undo ``Content-Encoding``. Raises UnsupportedPayload, PayloadTooLarge or MalformedRequest."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise UnsupportedPayload(f"the content encoding {encoding[:40]!r} is not supported; send gzip, deflate or none")
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)  # both headers are recognised
    try:
        inflated = decoder.decompress(body, limit)
    except zlib.error as error:
        raise MalformedRequest(f"the body is not valid {encoding} ({error})") from error
    if decoder.unconsumed_tail:
        raise PayloadTooLarge(f"the body inflates to more than {limit} bytes; send smaller batches")
    if not decoder.eof:
        raise MalformedRequest(f"the {encoding} body ends too early")
    return inflated
