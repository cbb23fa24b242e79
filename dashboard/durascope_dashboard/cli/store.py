"""`durascope store`: look at and tend the store."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from durascope_dashboard.cli._reading import json_option, print_json, reading, source_options
from durascope_dashboard.cli._store_option import needs_it_alone, store_option
from durascope_dashboard.store.location import Location, open_store


@click.group("store")
def command() -> None:
    """Look at and tend the store."""


@command.command("info")
@json_option
@source_options
def info(as_json: bool, server: str | None, store: Location | None) -> None:
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


_STORE = store_option("The store.  [default: a file in the user data directory]")
_FOLDER = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


@command.command("upgrade")
@_STORE
@needs_it_alone()
def upgrade(store: Location | None) -> None:
    """Bring a store of an older Durascope up to date, keeping every row. A collector does so by itself."""
    from durascope_dashboard.exceptions import StoreUnavailable

    location = _location(store)
    if isinstance(location, Path) and not location.exists():
        raise StoreUnavailable(f"there is no store at {location}; name one with --store")
    open_store(location).close()
    click.echo(f"{location} is up to date")


@command.command("vacuum")
@_STORE
@needs_it_alone()
def vacuum(store: Location | None) -> None:
    """Write the store anew without the space that deleted runs left. Stop a file's collector first."""
    from durascope_dashboard import units

    location = _location(store)
    before, after = _tools(location).vacuum(location)
    click.echo(f"{location}: {units.bytes_(before)} before, {units.bytes_(after)} now")


@command.command("export")
@_FOLDER
@_STORE
@needs_it_alone()
def export(folder: Path, store: Location | None) -> None:
    """Write every table to FOLDER as Parquet. Stop a file's collector first."""
    location = _location(store)
    _echo_rows(_tools(location).export(location, folder))


@command.command("import")
@_FOLDER
@_STORE
@needs_it_alone()
def import_(folder: Path, store: Location | None) -> None:
    """Add what `durascope store export` wrote to FOLDER; what is known already stays. Stop a file's collector first.

    The way from DuckDB to ClickHouse, or back: export from the one, import into the other.
    """
    location = _location(store)
    _echo_rows(_tools(location).import_(location, folder))


def _location(store: Location | None) -> Location:
    from durascope_dashboard.reader import default_store

    return store or default_store()


def _tools(location: Location) -> Any:
    """What tends a store of this engine."""
    if isinstance(location, Path):
        from durascope_dashboard.store import maintenance

        return maintenance
    from durascope_dashboard.store.clickhouse import tending

    return tending


def _echo_rows(rows: Iterable[tuple[str, int]]) -> None:
    for table, count in rows:
        click.echo(f"{table:20} {count:>12,} rows")
