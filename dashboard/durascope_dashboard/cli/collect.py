"""`durascope collect`: the collector in the foreground."""

from typing import TYPE_CHECKING, Any

import click

from durascope_dashboard.cli._serving import serving_options, serving_settings
from durascope_dashboard.cli._store_option import needs_it_alone, store_option
from durascope_dashboard.cli._temporal import temporal_config, temporal_options
from durascope_dashboard.store.location import Location

if TYPE_CHECKING:
    from durascope_dashboard.collector.ingest import Ingest
    from durascope_dashboard.temporal.follower import Follower


@click.command("collect")
@store_option("The store.  [default: a file in the user data directory]")
@click.option("--otlp-grpc", default="127.0.0.1:4317", show_default=True, metavar="HOST:PORT", help="OTLP over gRPC.")
@click.option("--otlp-http", default="127.0.0.1:4318", show_default=True, metavar="HOST:PORT",
              help="OTLP over HTTP, read API and /healthz.")  # fmt: skip
@click.option("--no-history", is_flag=True, help="Do not follow Temporal's histories.")
@serving_options
@temporal_options
@needs_it_alone()
def command(
    store: Location | None,
    otlp_grpc: str,
    otlp_http: str,
    no_history: bool,
    **others: Any,
) -> int:
    """Receive OTLP, follow Temporal's histories and answer readers, until SIGINT or SIGTERM."""
    from durascope_dashboard.collector.server import run_collector
    from durascope_dashboard.reader import default_store

    settings = serving_settings(others)
    config = temporal_config(**others)
    decoder = config.decoder()

    async def follow(ingest: "Ingest") -> "Follower":
        from durascope_dashboard.temporal.follower import Follower

        return Follower(config, ingest, decoder=decoder, wanted=settings.shard.owns)

    return run_collector(
        store or default_store(), otlp_grpc=otlp_grpc, otlp_http=otlp_http, follow=None if no_history else follow,
        settings=settings,
    )  # fmt: skip
