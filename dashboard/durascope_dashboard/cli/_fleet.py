"""Many runs as a table, and one line about all that match."""

from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from durascope_dashboard import units
from durascope_dashboard.cli import _tables as tables

WIDE = 150
"""Columns of a terminal from which type, queue and cost have a column too."""

Row = dict[str, Any]


def table_of(rows: list[Row], *, wide: bool) -> Any:
    """One row a run; what it is doing now, or how it last failed, comes last."""
    type_, more = (("type",), (">queue", ">cost")) if wide else ((), ())
    sums = (">took", ">attempts", ">backoff", ">tokens", ">wasted", *more)
    shown = tables.table(None, "status", "workflow", *type_, "started", *sums, "now / last error")
    for row in rows:
        billed, wasted = (row[f"{part}_input"] + row[f"{part}_output"] for part in ("billed", "wasted"))
        shown.add_row(
            tables.status(row["status"]), tables.text(row["workflow_id"]),
            *([tables.text(row["workflow_type"])] if wide else ()),
            _started(row["started"]), units.duration(row["duration_ms"]), _attempts(row),
            _quiet(units.duration(row["time_backoff_ms"])),
            units.count(billed) + ("+?" if row["unknown_attempts"] else ""),
            _quiet(units.percent(wasted, billed)),
            *([units.duration(row["time_queue_ms"]), units.money(row["cost_billed"])] if wide else ()), _now(row),
        )  # fmt: skip
    return shown


def _quiet(text: str) -> str:
    return "" if text in ("0 ms", "0 %", units.UNKNOWN) else text


def _started(micros: int | None) -> str:
    """Without the date if it was today (UTC)."""
    if micros is None:
        return units.UNKNOWN
    when = datetime.fromtimestamp(micros / 1e6, UTC)
    return when.strftime("%H:%M:%S" if when.date() == datetime.now(UTC).date() else "%Y-%m-%d %H:%M:%S")


def _attempts(row: Row) -> Text:
    """``16 (4 retries)``."""
    retries = row["retries"]
    note = f" ({retries} {'retry' if retries == 1 else 'retries'})" if retries else ""
    return Text.assemble(str(row["attempts"]), (note, "yellow"))


def _now(row: Row) -> Text:
    if row["status"] != "running":
        return Text(str(tables.text(row["last_error_type"])) if row["last_error_type"] else "", style="dim")
    doing = str(tables.text(row["current_operation"])) if row["current_operation"] else "workflow"
    number, limit = row["current_attempt"], row["current_max_attempts"]
    attempt = f" attempt {number}{f'/{limit}' if limit else ''}" if number and number > 1 else ""
    waits = {"retry": "backoff", "worker": "no worker", "human": "waits for a person", "timer": "timer"}
    state = waits.get(str(row["waiting_for"]), row["current_status"] or "")
    error = f" after {tables.text(row['last_error_type'])}" if attempt and row["last_error_type"] else ""
    what = doing if state in ("", doing) else f"{doing}{attempt}: {state}"
    return Text(what + error, style="yellow" if attempt else "")


def totals(total: Row, shown: int) -> Text:
    """What all runs that match come to."""
    billed, wasted = ((total[f"{part}_input"] or 0) + (total[f"{part}_output"] or 0) for part in ("billed", "wasted"))
    waste = f" ({units.percent(wasted, billed)} wasted)" if wasted else ""
    unknown = f", {units.many(total['unknown_attempts'], 'attempt')} unknown" if total["unknown_attempts"] else ""
    return Text(
        f"\n{shown:,} of {units.many(total['runs'], 'run')}: {total['running'] or 0:,} running, "
        f"{total['failed'] or 0:,} failed; "
        f"{units.many(total['retries'], 'retry', 'retries')} in {units.many(total['attempts'], 'attempt')}; "
        f"{units.tokens(billed)}{waste}{unknown}; {units.money(total['cost_billed'])}",
        style="dim",
    )


def clock(every_s: float) -> Text:
    """When this was read."""
    return Text(f"{datetime.now(UTC):%H:%M:%S} UTC, every {every_s:.0f} s; Ctrl-C ends", style="dim")
