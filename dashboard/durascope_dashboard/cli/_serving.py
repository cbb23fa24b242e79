"""Options of `durascope collect` that say who may talk to it, how much it keeps and which runs are its own."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from durascope_dashboard.collector.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--keep", metavar="AGE", help="Take runs out this long after they closed, as 30d or 12h."),
    click.option("--max-size", metavar="SIZE", help="Above this, as 10G, take the oldest closed runs out."),
    click.option("--shard", metavar="I/N", help="With ClickHouse: follow and join only part I of N of the runs."),
    click.option("--token", envvar="DURASCOPE_TOKEN", show_envvar=True, help="Bearer token that requests must carry."),
    click.option("--tls-cert", type=click.Path(dir_okay=False, path_type=Path),
                 help="TLS certificate of both ports (PEM)."),
    click.option("--tls-key", type=click.Path(dir_okay=False, path_type=Path), help="Its private key (PEM)."),
    click.option("--allow-host", multiple=True, metavar="NAME", help="A further host name that clients may use."),
)  # fmt: skip


def serving_options(function: F) -> F:
    """Retention, shard and access."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def serving_settings(given: dict[str, Any]) -> "Settings":
    """The settings that these options say; takes them out of ``given``. Raises UsageError."""
    from durascope_dashboard.collector.settings import Access, Retention, Settings, parse_age, parse_size
    from durascope_dashboard.collector.sharding import ALL, Shard

    keep, size, shard = given.pop("keep"), given.pop("max_size"), given.pop("shard")
    return Settings(
        access=Access(
            token=given.pop("token") or None, certificate=given.pop("tls_cert"), key=given.pop("tls_key"),
            hosts=given.pop("allow_host"),
        ),
        retention=Retention(
            age_s=parse_age(keep) if keep else None, size=parse_size(size) if size else None
        ),
        shard=Shard.parse(shard) if shard else ALL,
    )  # fmt: skip
