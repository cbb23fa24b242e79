"""The time, as records have it, and stretches of it as people write them."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from durascope.records import Micros

UNIT_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGE: Final = re.compile(rf"(\d+(?:\.\d+)?)\s*([{''.join(UNIT_S)}])")


def micros_now() -> Micros:
    """Microseconds since the Unix epoch, by this machine's clock."""
    return time.time_ns() // 1000


def age_s(text: str) -> float | None:
    """``90s``, ``30m``, ``1.5h``, ``7d``, ``2w`` in seconds; None if it is no age."""
    found = _AGE.fullmatch(text.strip())
    return float(found[1]) * UNIT_S[found[2]] if found else None


def since(text: str, now: datetime | None = None) -> datetime:
    """An age ago, or the date or time of day that stands there as ISO 8601 has it (UTC if it names no zone).

    Raises ValueError.
    """
    age = age_s(text)
    if age is None:
        moment = datetime.fromisoformat(text.strip())
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return (now or datetime.now(UTC)) - timedelta(seconds=age)
    except OverflowError as error:
        raise ValueError(str(error)) from error
