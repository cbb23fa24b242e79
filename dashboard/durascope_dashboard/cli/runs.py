"""`durascope runs`: the fleet at a glance, newest first; troubles by name; live with --watch."""

from typing import TYPE_CHECKING, Any

import click

from durascope_dashboard.cli._choices import Since
from durascope_dashboard.cli._reading import json_option, print_json, reading, source_options
from durascope_dashboard.store.location import Location

if TYPE_CHECKING:
    from durascope_dashboard.reader import Reader

WATCH_S = 2.0
# Name -> the store's view and the order that shows it best.
VIEWS = {
    "trouble": ("trouble", None), "retrying": ("retrying", None), "backoff": ("backed_off", "max_backoff_ms"),
    "no-heartbeat": ("no_heartbeat", None), "human": ("human", None), "queue": ("queue_starved", "queue_p95_ms"),
    "task-problem": ("task_problem", None), "wasteful": ("wasteful", "cost_wasted"),
    "over-budget": ("over_budget", "billed_input"), "stuck": ("stuck", None), "failed": ("failed", None),
    "running": ("running", None), "retried": ("retried", None), "incomplete": ("incomplete", None),
}  # fmt: skip
SORTS = {
    "started": "started", "duration": "duration_ms", "attempts": "attempts", "retries": "retries",
    "backoff": "time_backoff_ms", "queue": "time_queue_ms", "cost": "cost_billed", "waste": "cost_wasted",
}  # fmt: skip


@click.command("runs")
@click.argument("words", nargs=-1)
@click.option("--limit", "-n", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many at most.")
@click.option("--query", "-q", "where", metavar="FILTER", help="As in: \"WorkflowType = 'research' AND retries > 2\".")
@click.option("--view", "-v", type=click.Choice(list(VIEWS)), help="A kind of trouble.")
@click.option("--status", "-s", multiple=True, help="running, completed, failed ... (may be repeated).")
@click.option("--type", "-t", "workflow_type", multiple=True, help="Workflow type (may be repeated).")
@click.option("--agent", multiple=True, help="Runs with this agent (may be repeated).")
@click.option("--model", multiple=True, help="Runs with this model (may be repeated).")
@click.option("--task-queue", multiple=True, help="Task queue (may be repeated).")
@click.option("--build-id", multiple=True, help="Build of the worker (may be repeated).")
@click.option("--namespace", multiple=True, help="Namespace (may be repeated).")
@click.option("--since", type=Since(), help="Started since: 30m, 2h, 7d ago, or 2026-11-23T12:00:00Z.")
@click.option("--until", type=Since(), help="Started before.")
@click.option("--budget", type=click.IntRange(1), help="Tokens a run may bill, for the view over-budget.")
@click.option("--sort", type=click.Choice(list(SORTS)), help="Largest first.  [default: newest first]")
@click.option("--watch", "-w", is_flag=True, help="Show it live until Ctrl-C.")
@json_option
@source_options
def command(
    words: tuple[str, ...], limit: int, view: str | None, sort: str | None, watch: bool, as_json: bool,
    server: str | None, store: Location | None, **filters: Any,
) -> None:  # fmt: skip
    """List runs, newest first, with retries, waits, tokens and cost. WORDS are searched in ids, names and error types.

    \b
    Examples:
      durascope runs --view retrying --watch
      durascope runs --view wasteful --since 1h
      durascope runs timeout --type ResearchWorkflow
      durascope runs -q "ExecutionStatus = 'Failed' AND time_ms.backoff > 30s" --json
    """
    if watch and as_json:
        raise click.UsageError("--watch is for people; leave it out with --json")
    kept, order = VIEWS[view] if view else (None, None)
    wanted = {name: list(value) if isinstance(value, tuple) else value for name, value in filters.items()}
    wanted |= {"view": kept, "text": " ".join(words)}
    wanted = {name: value for name, value in wanted.items() if value not in (None, "", [])}
    page = {"limit": limit, "order": SORTS[sort] if sort else order or "started"}
    with reading(server, store) as reader:
        if as_json:
            from durascope_dashboard.analysis.view import run_summary

            print_json([run_summary(row) for row in reader.query("runs", **page, **wanted).to_pylist()])
        elif watch:
            _watch(reader, page, wanted)
        else:
            _print(reader, page, wanted)


def _print(reader: "Reader", page: dict[str, Any], wanted: dict[str, Any]) -> None:
    from durascope_dashboard.cli import _fleet
    from durascope_dashboard.cli import _tables as tables

    rows = reader.query("runs", **page, **wanted).to_pylist()
    if not rows:
        empty = "No runs yet; start some, or read those that ran: durascope backfill"
        click.echo("No runs match." if wanted else empty, err=True)
        return
    out = tables.console()
    out.print(_fleet.table_of(rows, wide=out.width >= _fleet.WIDE))
    out.print(_fleet.totals(reader.query("run_totals", **wanted).to_pylist()[0], len(rows)))


def _watch(reader: "Reader", page: dict[str, Any], wanted: dict[str, Any]) -> None:
    import time

    from rich.console import Group
    from rich.live import Live

    from durascope_dashboard.cli import _fleet
    from durascope_dashboard.cli import _tables as tables

    out = tables.console()
    page = page | {"limit": min(page["limit"], max(out.height - 4, 1))}
    with Live(console=out, auto_refresh=False, screen=out.is_terminal) as live:
        while True:
            rows = reader.query("runs", **page, **wanted).to_pylist()
            total = reader.query("run_totals", **wanted).to_pylist()[0]
            shown = [_fleet.table_of(rows, wide=out.width >= _fleet.WIDE), _fleet.totals(total, len(rows))]
            live.update(Group(*shown, _fleet.clock(WATCH_S)), refresh=True)
            time.sleep(WATCH_S)
