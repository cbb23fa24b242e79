"""`durascope backfill`: the histories of runs that have already closed."""

import sys
from typing import TYPE_CHECKING, Any

import click

from durascope_dashboard.cli._sink import sink_options
from durascope_dashboard.cli._temporal import temporal_config, temporal_options
from durascope_dashboard.store.location import Location

if TYPE_CHECKING:
    from durascope_dashboard.temporal.batches import Tally


@click.command("backfill")
@click.option("--query", metavar="VISIBILITY", help="Which runs, as in `temporal workflow list --query`.")
@click.option("--since", metavar="AGE|TIME", help="Only runs that closed since then: 7d, 12h, 2026-11-23.")
@click.option("--in-flight", default=32, show_default=True, type=click.IntRange(1, 256), help="Histories at once.")
@sink_options
@temporal_options
def command(
    query: str | None, since: str | None, in_flight: int, server: str | None, store: Location | None, **temporal: Any
) -> None:
    """Read the histories of closed runs into the store; interrupted, it goes on where it was when run again."""
    from durascope_dashboard.temporal.backfill import parse_since, run_backfill

    moment = parse_since(since) if since else None
    with Bar() as bar:
        tally = run_backfill(
            temporal_config(**temporal), store=store, server=server, query=query, since=moment, in_flight=in_flight,
            on_progress=bar.show,
        )  # fmt: skip
    parts = [f"{tally.stored} runs stored", f"{tally.known} were there already"]
    parts += [f"{tally.gone} gone from Temporal by retention"] if tally.gone else []
    parts += [f"{tally.unreadable} not readable (see above)"] if tally.unreadable else []
    click.echo(", ".join(parts))


class Bar:
    """A progress bar on stderr; nothing where that is no terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("reading histories"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(), console=Console(stderr=True), disable=not sys.stderr.isatty(),
        )  # fmt: skip
        self._task = self._progress.add_task("", total=None, rate="")

    def show(self, tally: "Tally") -> None:
        """How far it is."""
        speed = self._progress.tasks[0].speed
        rate = f"{speed:.0f}/s" if speed else ""
        self._progress.update(self._task, total=tally.total, completed=tally.done, rate=rate)

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
