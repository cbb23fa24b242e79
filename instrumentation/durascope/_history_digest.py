"""A digest of what an activity was asked, for the audit trail: it proves arguments without keeping them."""

import hashlib
from collections.abc import Iterable

from temporalio.api.common.v1 import Payload

PREFIX = "sha256:"


def arguments_digest(payloads: Iterable[Payload]) -> str | None:
    """SHA-256 over the arguments as history holds them (encrypted ones as they are); None without arguments.

    Each payload counts as its length in eight bytes, big-endian, and its data.
    """
    data = [payload.data for payload in payloads]
    counted = b"".join(len(each).to_bytes(8, "big") + each for each in data)
    return f"{PREFIX}{hashlib.sha256(counted).hexdigest()}" if data else None
