"""Which tables are evidence; what a row of each is unique on, and which row stays when two say the same thing."""

from collections.abc import Iterable
from typing import Final

import pyarrow as pa

from durascope.identity import RunKey
from durascope_dashboard.store import schema

EVIDENCE: Final = (
    "spans", "span_attempts", "observations", "history_runs", "history_operations", "history_attempts", "history_waits",
)  # fmt: skip
JOINED: Final = ("runs", "operations", "attempts")

# A run's history is written whole: every read replaces what the read before it said of that run.
REPLACED_BY_RUN: Final = (
    "history_runs", "history_operations", "history_attempts", "history_waits", "runs", "operations", "attempts",
)  # fmt: skip
# Two tables only grow while they are written; which of a key's rows counts is settled when they are read.
APPENDED: Final = ("spans", "span_attempts")
UPSERTED: Final = {"observations": schema.ATTEMPT_KEY}

# A poll that no longer sees a fact does not unsay it.
REMEMBERED: Final = ("queued", "started", "ended", "error_type", "error_message", "worker", "retry_delay_ms")

# Best row first. An attempt span always wins over its started-event, however late that comes; of equals the last.
BEST_ATTEMPT: Final = f"""row_number() OVER (
    PARTITION BY {", ".join(schema.ATTEMPT_KEY)} ORDER BY begun_only, rowid DESC
) = 1"""


def run_keys(rows: pa.Table) -> list[RunKey]:
    """The run that each row is of."""
    return [RunKey(*key) for key in zip(*(rows[column].to_pylist() for column in schema.RUN_KEY), strict=True)]


def run_keys_table(run_keys: Iterable[tuple[str, str, str]]) -> pa.Table:
    """Run keys as an Arrow table of three columns, without duplicates."""
    columns = list(zip(*dict.fromkeys(run_keys), strict=True)) or [(), (), ()]
    return pa.table([pa.array(c, pa.string()) for c in columns], schema=schema.RUN_KEYS)
