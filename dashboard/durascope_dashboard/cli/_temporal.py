"""What every command that reads a Temporal server has in common: how it is reached."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from durascope_dashboard.temporal.connection import TemporalConfig

F = TypeVar("F", bound=Callable[..., Any])


_OPTIONS = (
    click.option("--temporal", "--address", "address", metavar="HOST:PORT",
                 help="The Temporal server.  [env: TEMPORAL_ADDRESS; default: localhost:7233]"),
    click.option("--namespace", "namespaces", multiple=True,
                 help="Namespace to read; may be given several times.  [env: TEMPORAL_NAMESPACE]"),
    click.option("--profile", help="Profile of Temporal's configuration file.  [env: TEMPORAL_PROFILE]"),
    click.option("--codec-endpoint", metavar="URL", help="Remote codec server that decodes payloads."),
    click.option("--codec-auth", metavar="HEADER", help="Authorization header for the codec server."),
    click.option("--data-converter", metavar="MODULE:OBJECT",
                 help="The workers' own data converter or payload codec, instead of a codec server."),
)  # fmt: skip


def temporal_options(function: F) -> F:
    """How the server is reached; what is left out is Temporal's environment configuration (TLS, API key too)."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def temporal_config(
    address: str | None,
    namespaces: tuple[str, ...],
    profile: str | None,
    codec_endpoint: str | None,
    codec_auth: str | None,
    data_converter: str | None,
) -> "TemporalConfig":
    """The options as settings of a connection."""
    from durascope_dashboard.temporal.connection import TemporalConfig

    return TemporalConfig(address, namespaces, profile, codec_endpoint, codec_auth, data_converter)
