"""What every command that reads a Temporal server has in common: how it is reached."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from durascope_dashboard.temporal.connection import TemporalConfig

F = TypeVar("F", bound=Callable[..., Any])


def temporal_options(function: F) -> F:
    """``--temporal``, ``--namespace``, ``--profile``; what they leave out is Temporal's environment configuration."""
    profile = click.option("--profile", help="Profile of Temporal's configuration file.  [env: TEMPORAL_PROFILE]")
    namespace = click.option(
        "--namespace",
        "namespaces",
        multiple=True,
        help="Namespace to read; may be given several times.  [env: TEMPORAL_NAMESPACE]",
    )
    address = click.option(
        "--temporal",
        "--address",
        "address",
        metavar="HOST:PORT",
        help="The Temporal server.  [env: TEMPORAL_ADDRESS; default: localhost:7233]",
    )
    return address(namespace(profile(function)))


def temporal_config(address: str | None, namespaces: tuple[str, ...], profile: str | None) -> "TemporalConfig":
    """The options as settings of a connection."""
    from durascope_dashboard.temporal.connection import TemporalConfig

    return TemporalConfig(address, namespaces, profile)
