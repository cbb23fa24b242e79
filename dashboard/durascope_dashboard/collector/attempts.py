"""An attempt as its span, or the event of its start, tells it: a row of ``span_attempts``."""

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from durascope.records import Source, Status
from durascope_dashboard.collector import columns
from durascope_dashboard.collector.dialects import Facts
from durascope_dashboard.store import schema

_STATUSES: Final = frozenset(str(status) for status in Status)
_SPAN: Final = str(Source.SPAN)
_TAKEN: Final = (
    "queued", "error_type", "retry_delay_ms", "retry_by", "worker", "task_queue", "build_id", "model", "response_id",
    "http_status", "http_retries", "workflow_type", "activity_type", "operation_kind", "agent", "max_attempts",
    "scheduled", "parent_span_id", *schema.TOKEN_KINDS,
)  # fmt: skip
NAMES: Final = (
    *schema.ATTEMPT_KEY, "status", "source", "started", "ended", "error_message", "estimated", "skew_ms", "is_local",
    "trace_id", "span_id", "begun_only",
    *(f"tokens_{name}" if name in schema.TOKEN_KINDS else name for name in _TAKEN),
)  # fmt: skip
Row = tuple[Any, ...]


def _status(facts: Facts, failed: bool, ended: int | None) -> str:
    said = facts.get("status")
    if said in _STATUSES:
        return str(said)
    if ended is None:
        return str(Status.RUNNING)
    return str(Status.ERROR if failed else Status.OK)


def attempt_row(
    key: tuple[str, str, str], facts: Facts, ids: tuple[str, str], begun: int | None, ended: int | None,
    failed: bool = False, message: str | None = None,
) -> Row:  # fmt: skip
    """In the order of NAMES. ``begun`` and ``ended`` are the span's own times, on the worker's clock.

    The server's start, where said, is the attempt's; the difference tells the skew. Without an end it is begun only.
    """
    get = facts.get
    server = get("started")
    return (
        *key, get("activity_id"), get("attempt"), _status(facts, failed, ended), _SPAN, server or begun, ended,
        get("error_message") or message, False, (begun - server) / 1000.0 if begun and server else None,
        get("is_local", False), *ids, ended is None, *[get(name) for name in _TAKEN],
    )  # fmt: skip


def attempts_table(rows: Sequence[Row]) -> pa.Table:
    """Rows as the table."""
    return columns.table(NAMES, rows, schema.SPAN_ATTEMPTS)
