"""What every command that reads has in common: where to read from, and how JSON is printed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from durascope_dashboard.cli._store_option import store_option

if TYPE_CHECKING:
    from durascope_dashboard.reader import Reader
    from durascope_dashboard.store.location import Location

F = TypeVar("F", bound=Callable[..., Any])


def source_options(function: F) -> F:
    """``--server`` and ``--store``."""
    store = store_option("Read this store: a file (when no collector runs), or ClickHouse.")
    server = click.option("--server", metavar="URL", help="The collector to ask.  [env: DURASCOPE_SERVER]")
    return server(store(function))


def json_option(function: F) -> F:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")(function)


@contextmanager
def reading(server: str | None, store: "Location | None") -> "Iterator[Reader]":
    """A reader of the collector or the store, closed at the end."""
    from durascope_dashboard.reader import connect

    reader = connect(server, store)
    try:
        yield reader
    finally:
        reader.close()


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    from durascope_dashboard.analysis.view import json_text

    click.echo(json_text(value, indent=2))
