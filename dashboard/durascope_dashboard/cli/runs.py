"""`durascope runs`: the fleet at a glance, newest first."""

from pathlib import Path
from typing import Any

import click

from durascope_dashboard.cli._reading import json_option, print_json, reading, source_options


@click.command("runs")
@click.option("--limit", "-n", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many at most.")
@click.option("--query", "-q", metavar="FILTER", help="As in: \"WorkflowType = 'research' AND retries > 2\".")
@click.option("--status", "-s", multiple=True, help="running, completed, failed ... (may be repeated).")
@click.option("--type", "-t", "workflow_type", multiple=True, help="Workflow type (may be repeated).")
@json_option
@source_options
def command(
    limit: int, query: str | None, status: tuple[str, ...], workflow_type: tuple[str, ...], as_json: bool,
    server: str | None, store: Path | None,
) -> None:  # fmt: skip
    """List runs, newest first, with their retries, waits, tokens and cost."""
    wanted: dict[str, Any] = {"status": list(status), "workflow_type": list(workflow_type), "where": query}
    with reading(server, store) as reader:
        rows = reader.query("runs", limit=limit, **{k: v for k, v in wanted.items() if v}).to_pylist()
    if as_json:
        from durascope_dashboard.analysis.view import run_summary

        print_json([run_summary(row) for row in rows])
    elif rows:
        _print(rows)
    else:
        click.echo("No runs" + (" match." if query or status or workflow_type else " yet."), err=True)


def _print(rows: list[dict[str, Any]]) -> None:
    from durascope_dashboard import units
    from durascope_dashboard.cli import _tables as tables

    shown = tables.table(None, "status", "workflow", "type", "started", ">took", ">attempts", ">retries", ">backoff",
                         ">queue", ">tokens", ">wasted", ">cost", "waiting for / last error")  # fmt: skip
    for row in rows:
        billed = row["billed_input"] + row["billed_output"]
        wasted = row["wasted_input"] + row["wasted_output"]
        shown.add_row(
            tables.status(row["status"]), tables.text(row["workflow_id"]), tables.text(row["workflow_type"]),
            units.moment(row["started"])[:19], units.duration(row["duration_ms"]), str(row["attempts"]),
            str(row["retries"] or "·"), units.duration(row["time_backoff_ms"]), units.duration(row["time_queue_ms"]),
            units.count(billed) + ("+?" if row["unknown_attempts"] else ""), units.percent(wasted, billed),
            units.money(row["cost_billed"]), tables.text(row["waiting_for"] or row["last_error_type"]),
        )  # fmt: skip
    tables.console().print(shown)
