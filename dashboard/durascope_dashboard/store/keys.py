"""What a row of each table is unique on, and which row stays when two say the same thing."""

from typing import Final

from durascope_dashboard.store import schema

# A run's history is written whole: every read replaces what the read before it said of that run.
REPLACED_BY_RUN: Final = (
    "history_runs", "history_operations", "history_attempts", "history_waits", "runs", "operations", "attempts",
)  # fmt: skip
UPSERTED: Final = {"span_attempts": schema.ATTEMPT_KEY, "observations": schema.ATTEMPT_KEY}
APPENDED: Final = ("spans",)

# Best row first. An attempt span always wins over its started-event, however late it comes.
PREFERENCE: Final = {"span_attempts": "begun_only"}

# A poll that no longer sees a fact does not unsay it.
REMEMBERED: Final = ("queued", "started", "ended", "error_type", "error_message", "worker", "retry_delay_ms")
