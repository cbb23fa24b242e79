"""`durascope import`: runs out of history files; no server, no instrumentation."""

from pathlib import Path

import click

from durascope_dashboard.cli._sink import sink_options
from durascope_dashboard.store.location import Location


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@sink_options
@click.option("--namespace", default="default", show_default=True, help="What the files do not say.")
@click.option("--workflow-id", help="Of a file that does not say it.  [default: the file's name]")
def command(
    files: tuple[Path, ...], server: str | None, store: Location | None, namespace: str, workflow_id: str | None
) -> None:
    """Add runs from history files, as Temporal's UI or `temporal workflow show --output json` writes them."""
    from durascope_dashboard.temporal.files import read_file
    from durascope_dashboard.temporal.opening import opened_sink

    records = [read_file(path, namespace=namespace, workflow_id=workflow_id) for path in files]
    with opened_sink(store, server) as sink:
        sink.write_history(records)
    for record in records:
        click.echo(f"{record.run.workflow_id}  {record.run.status}  run {record.run.run_id}")
