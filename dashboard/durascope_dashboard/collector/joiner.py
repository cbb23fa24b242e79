"""The join in a process of its own, so that receiving OTLP never waits for pandas."""

from collections.abc import Callable, Mapping
from typing import Final

import pyarrow as pa

from durascope_dashboard.child import Child

Tables = Mapping[str, pa.Table]
Join = Callable[[Tables, int], Tables]
"""(evidence by table, now in µs) -> the joined tables by name."""

_NICE: Final = 5  # joins give way to receiving, not the other way round


def join_here(evidence: Tables, now: int) -> Tables:
    """Join in this process."""
    from durascope_dashboard.analysis.frames import from_arrow, to_arrow
    from durascope_dashboard.analysis.join import Evidence, join

    joined = join(Evidence(**{name: from_arrow(rows, name) for name, rows in evidence.items()}), now)
    return {name: to_arrow(getattr(joined, name), name) for name in ("runs", "operations", "attempts")}


def joiner() -> Child:
    """The same in a child process. Close it when it is no longer needed."""
    return Child(join_here, "joins runs", nice=_NICE)
