"""`durascope import`: runs out of history files; no server, no instrumentation."""

from pathlib import Path

import click


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--store", type=click.Path(dir_okay=False, path_type=Path), envvar="DURASCOPE_STORE", show_envvar=True,
              help="The store file.  [default: in the user data directory]")  # fmt: skip
@click.option("--namespace", default="default", show_default=True, help="What the files do not say.")
@click.option("--workflow-id", help="Of a file that does not say it.  [default: the file's name]")
def command(files: tuple[Path, ...], store: Path | None, namespace: str, workflow_id: str | None) -> None:
    """Add runs from history files, as Temporal's UI or `temporal workflow show --output json` writes them."""
    from durascope_dashboard.collector.ingest import Ingest
    from durascope_dashboard.reader import default_store
    from durascope_dashboard.store.duckdb_store import DuckStore
    from durascope_dashboard.temporal.files import read_file

    records = [read_file(path, namespace=namespace, workflow_id=workflow_id) for path in files]
    ingest = Ingest(DuckStore(store or default_store())).start()
    try:
        ingest.write_history(records)
    finally:
        ingest.close()
    for record in records:
        click.echo(f"{record.run.workflow_id}  {record.run.status}  run {record.run.run_id}")
