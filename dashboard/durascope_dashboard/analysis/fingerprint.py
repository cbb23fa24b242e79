"""One fingerprint for all errors that are the same but for ids, numbers, times and addresses in their message."""

import hashlib
import re
from functools import lru_cache

_MASKS = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.I), "<id>"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.I), "<hex>"),
    # Long mixtures of letters and digits: request, response and span ids.
    (re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[a-z])[\w-]{12,}\b", re.I), "<id>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "<n>"),
    (re.compile(r"\s+"), " "),
)


def normalise(message: str) -> str:
    """The message's first 500 characters without what differs from one occurrence to the next."""
    text = message[:500]
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text.strip()


@lru_cache(maxsize=16384)
def fingerprint(error_type: str | None, message: str | None) -> str | None:
    """12 hex digits; None without an error."""
    if not error_type and not message:
        return None
    text = f"{error_type or ''}\n{normalise(message or '')}"
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=6).hexdigest()
