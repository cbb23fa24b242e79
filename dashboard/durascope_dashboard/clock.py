"""The time, as records have it."""

import time

from durascope.records import Micros


def micros_now() -> Micros:
    """Microseconds since the Unix epoch, by this machine's clock."""
    return time.time_ns() // 1000
