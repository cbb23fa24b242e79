"""`durascope store`: look at and tend the store."""

from collections.abc import Iterable
from pathlib import Path

import click

from durascope_dashboard.cli._reading import json_option, print_json, reading, source_options


@click.group("store")
def command() -> None:
    """Look at and tend the store."""


@command.command("info")
@json_option
@source_options
def info(as_json: bool, server: str | None, store: Path | None) -> None:
    """What the store holds, and how large it is."""
    from durascope_dashboard import units
    from durascope_dashboard.analysis.view import moment

    with reading(server, store) as reader:
        row = reader.query("store_info").to_pylist()[0]
    row |= {name: moment(row[name]) for name in ("oldest", "newest")}
    if as_json:
        print_json(row)
        return
    for name, value in row.items():
        click.echo(f"{name.replace('_', ' '):15} {units.bytes_(value) if name == 'bytes' else value}")


_FILE = click.option("--store", type=click.Path(dir_okay=False, path_type=Path), envvar="DURASCOPE_STORE",
                     show_envvar=True, help="The store file.  [default: in the user data directory]")  # fmt: skip
_FOLDER = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


@command.command("upgrade")
@_FILE
def upgrade(store: Path | None) -> None:
    """Bring a store of an older Durascope up to date, keeping every row. A collector does so by itself."""
    from durascope_dashboard.exceptions import StoreUnavailable
    from durascope_dashboard.store.duckdb_store import DuckStore

    path = _path(store)
    if not path.exists():
        raise StoreUnavailable(f"there is no store at {path}; name one with --store")
    DuckStore(path).close()
    click.echo(f"{path} is up to date")


@command.command("vacuum")
@_FILE
def vacuum(store: Path | None) -> None:
    """Write the store anew without the space that deleted runs left. Stop the collector first."""
    from durascope_dashboard import units
    from durascope_dashboard.store import maintenance

    path = _path(store)
    before, after = maintenance.vacuum(path)
    click.echo(f"{path}: {units.bytes_(before)} before, {units.bytes_(after)} now")


@command.command("export")
@_FOLDER
@_FILE
def export(folder: Path, store: Path | None) -> None:
    """Write every table to FOLDER as Parquet. Stop the collector first."""
    from durascope_dashboard.store import maintenance

    _echo_rows(maintenance.export(_path(store), folder))


@command.command("import")
@_FOLDER
@_FILE
def import_(folder: Path, store: Path | None) -> None:
    """Add what `durascope store export` wrote to FOLDER; what is known already stays. Stop the collector first."""
    from durascope_dashboard.store import maintenance

    _echo_rows(maintenance.import_(_path(store), folder))


def _path(store: Path | None) -> Path:
    from durascope_dashboard.reader import default_store

    return store or default_store()


def _echo_rows(rows: Iterable[tuple[str, int]]) -> None:
    for table, count in rows:
        click.echo(f"{table:20} {count:>12,} rows")
