"""Retry storms: stretches of time in which most attempts of one thing fail, many a minute. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

LEAST_FAILED: Final = 5
"""Failed attempts in one bucket below which nothing is called a storm."""
LEAST_SHARE: Final = 0.5


@dataclass(frozen=True)
class Storm:
    """``since`` and ``until`` in µs; ``worst`` is the most failed attempts in one bucket."""

    value: str
    since: int
    until: int
    attempts: int
    failed: int
    worst: int


def storms(rows: Sequence[dict[str, Any]], bucket_ms: int) -> list[Storm]:
    """Rows of ``attempt_series`` with ``value``: neighbouring bad buckets of one value are one storm, worst first."""
    width = bucket_ms * 1000
    found: list[Storm] = []
    open_: dict[str, Storm] = {}
    for row in sorted(rows, key=lambda r: r["bucket"]):
        name, failed = str(row["value"] or "(none)"), row["failed"] or 0
        if failed < LEAST_FAILED or failed < LEAST_SHARE * row["attempts"]:
            continue
        before = open_.get(name)
        if before is not None and row["bucket"] <= before.until:
            storm = Storm(
                name, before.since, row["bucket"] + width, before.attempts + row["attempts"], before.failed + failed,
                max(before.worst, failed),
            )  # fmt: skip
        else:
            if before is not None:
                found.append(before)
            storm = Storm(name, row["bucket"], row["bucket"] + width, row["attempts"], failed, failed)
        open_[name] = storm
    return sorted([*found, *open_.values()], key=lambda s: (-s.failed, s.since, s.value))
