"""`durascope store`: look at and tend the store."""

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
