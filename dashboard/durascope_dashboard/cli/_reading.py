"""What every command that reads has in common: where to read from, and how a run is found."""

import json
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


def read_run(
    reader: "Reader", workflow_id: str, run_id: str | None, namespace: str | None = None
) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of a run, its operations and its attempts; the newest run of the workflow id unless one is named."""
    from durascope_dashboard.exceptions import NotFound

    found = reader.query("run", workflow_id=workflow_id, run_id=run_id, namespace=namespace).to_pylist()
    if not found:
        which = f"run {run_id!r} of workflow {workflow_id!r}" if run_id else f"workflow {workflow_id!r}"
        raise NotFound(f"{which} is not known here; list what is with: durascope runs")
    key = {name: found[0][name] for name in ("namespace", "workflow_id", "run_id")}
    operations, attempts = (reader.query(name, **key).to_pylist() for name in ("operations", "attempts"))
    return found[0], operations, attempts


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
