"""``--store`` of every command: a DuckDB file, or the URL of a ClickHouse database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from durascope_dashboard.exceptions import StoreLocked, UsageError
from durascope_dashboard.store.location import Location, parse_location

F = TypeVar("F", bound=Callable[..., Any])


class StoreType(click.ParamType[Location]):
    """A path, or a ClickHouse URL, whose password no message repeats."""

    name = "FILE|URL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Location:
        """Read it; a wrong one is a usage error."""
        try:
            found = parse_location(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)
        if isinstance(found, Path):
            click.Path(dir_okay=False).convert(str(found), param, ctx)
        return found


def store_option(what: str) -> Callable[[F], F]:
    """``--store`` with its help."""
    return click.option("--store", type=StoreType(), envvar="DURASCOPE_STORE", show_envvar=True, help=what)


@contextmanager
def needs_it_alone() -> Iterator[None]:
    """Around a command that no collector does in its place: a store in use is then one thing to be told."""
    try:
        yield
    except StoreLocked as error:
        found, _, _ = str(error).partition(";")  # a message is what was found, and after that what to do next
        raise StoreLocked(f"{found}, and this needs the store to itself; stop that process first") from error
