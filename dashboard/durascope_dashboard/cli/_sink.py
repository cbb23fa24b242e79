"""What commands that read histories have in common: where these go."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from durascope_dashboard.cli._store_option import store_option

F = TypeVar("F", bound=Callable[..., Any])


def sink_options(function: F) -> F:
    """``--server`` and ``--store``, as readers have them."""
    store = store_option("Write to this store, through its collector if one runs.  [default: a file of the user's]")
    server = click.option("--server", metavar="URL", help="The collector to write through.  [env: DURASCOPE_SERVER]")
    return server(store(function))
