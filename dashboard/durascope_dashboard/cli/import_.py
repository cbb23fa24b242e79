"""`durascope import`: runs out of history files; no server, no instrumentation."""

from pathlib import Path

import click

from durascope_dashboard.cli._store_option import store_option
from durascope_dashboard.store.location import Location, open_store


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@store_option("The store.  [default: a file in the user data directory]")
@click.option("--namespace", default="default", show_default=True, help="What the files do not say.")
@click.option("--workflow-id", help="Of a file that does not say it.  [default: the file's name]")
def command(files: tuple[Path, ...], store: Location | None, namespace: str, workflow_id: str | None) -> None:
    """Add runs from history files, as Temporal's UI or `temporal workflow show --output json` writes them."""
    from durascope_dashboard.collector.ingest import Ingest
    from durascope_dashboard.reader import default_store
    from durascope_dashboard.temporal.files import read_file

    records = [read_file(path, namespace=namespace, workflow_id=workflow_id) for path in files]
    ingest = Ingest(open_store(store or default_store()), visiting=True).start()
    try:
        ingest.write_history(records)
    finally:
        ingest.close()
    for record in records:
        click.echo(f"{record.run.workflow_id}  {record.run.status}  run {record.run.run_id}")
