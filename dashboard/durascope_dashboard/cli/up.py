"""`durascope up`: the collector and the dashboard in one command."""

import os
from pathlib import Path

import click

from durascope_dashboard.cli._store_option import store_option
from durascope_dashboard.cli._temporal import temporal_options
from durascope_dashboard.store.location import Location, secret_text


@click.command("up")
@store_option("The store.  [default: a file in the user data directory]")
@click.option("--otlp-grpc", default="127.0.0.1:4317", show_default=True, metavar="HOST:PORT", help="OTLP over gRPC.")
@click.option("--otlp-http", default="127.0.0.1:4318", show_default=True, metavar="HOST:PORT",
              help="OTLP over HTTP, read API and /healthz.")  # fmt: skip
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="The dashboard's port.")
@temporal_options
def command(
    store: Location | None,
    otlp_grpc: str,
    otlp_http: str,
    port: int,
    namespaces: tuple[str, ...],
    **temporal: str | None,
) -> int:
    """Collect from an existing Temporal server and serve the dashboard, until Ctrl-C.

    \b
    Example: durascope up --temporal localhost:7233 --namespace default
    """
    import platformdirs

    from durascope_dashboard.reader import default_store
    from durascope_dashboard.up import run_up

    # Not on the child's command line, which everyone on the machine can read: a URL may hold a password.
    os.environ["DURASCOPE_STORE"] = secret_text(store or default_store())
    # The dashboard asks the same server for its workers and, on demand, for events.
    for name, value in (
        ("ADDRESS", temporal["address"]),
        ("PROFILE", temporal["profile"]),
        ("NAMESPACE", next(iter(namespaces), None)),
    ):
        if value:
            os.environ[f"TEMPORAL_{name}"] = value
    collect = ["--otlp-grpc", otlp_grpc, "--otlp-http", otlp_http]
    for name, value in temporal.items():
        collect += [f"--{name.replace('_', '-')}", value] if value else []
    for namespace in namespaces:
        collect += ["--namespace", namespace]
    return run_up(collect, otlp_http, port, Path(platformdirs.user_log_dir("durascope", appauthor=False)))
