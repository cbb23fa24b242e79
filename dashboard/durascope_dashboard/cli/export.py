"""`durascope export`: runs in other tools' formats."""

from pathlib import Path
from typing import Any

import click

from durascope_dashboard.cli._reading import reading, source_options
from durascope_dashboard.store.location import Location

FORMATS = ("json", "csv", "parquet", "perfetto", "otlp", "audit", "metrics")
PROTOCOLS = ("grpc", "http/protobuf")


@click.command("export")
@click.argument("format", type=click.Choice(FORMATS))
@click.argument("workflow_id", nargs=-1)
@click.option("--output", "-o", metavar="PATH", help="File, or folder for csv and parquet.  [default: standard output]")
@click.option("--run-id", "-r", help="Which run of the workflow id.  [default: the newest]")
@click.option("--namespace", help="Only this namespace.")
@click.option("--query", "-q", "where", metavar="FILTER", help="As in `durascope runs --query`.")
@click.option("--status", "-s", multiple=True, help="Only this status (may be repeated).")
@click.option("--type", "-t", "workflow_type", multiple=True, help="Only this workflow type (may be repeated).")
@click.option("--limit", "-n", type=click.IntRange(1), help="The newest N runs.  [default: all]")
@click.option("--endpoint", envvar="OTEL_EXPORTER_OTLP_ENDPOINT", show_envvar=True, help="Where to send otlp, metrics.")
@click.option("--protocol", type=click.Choice(PROTOCOLS), default="grpc", envvar="OTEL_EXPORTER_OTLP_PROTOCOL",
              show_default=True, show_envvar=True, help="How to send.")  # fmt: skip
@click.option("--header", "-H", "headers", multiple=True, metavar="NAME=VALUE",
              help="Sent along (may be repeated), beside those of OTEL_EXPORTER_OTLP_HEADERS.")  # fmt: skip
@click.option("--follow", is_flag=True, help="otlp, metrics: go on until Ctrl-C, with each run that closes.")
@click.option("--interval", "interval_s", type=click.FloatRange(0.1), default=15.0, show_default=True,
              help="metrics --follow: seconds between pushes.")  # fmt: skip
@click.option("--verify", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="audit: check this trail.")
@click.option("--last", metavar="HASH", help="audit --verify: the hash that the trail must end with.")
@source_options
def command(format: str, server: str | None, store: Location | None, **options: Any) -> int:
    """Export a run, the runs that match, or (with nothing named) every run.

    \b
    json      the objects of `durascope show --json`, as an array
    csv       runs, operations, attempts, spans: a file each, in a folder (parquet: the same)
    perfetto  a trace for ui.perfetto.dev or chrome://tracing
    otlp      complete traces to Tempo, Phoenix, Langfuse, a vendor or any OpenTelemetry Collector
    audit     every agent interaction, JSON Lines, hash-chained; --verify FILE checks it
    metrics   what GET /metrics of the collector says; with --endpoint pushed by OTLP
    """
    from durascope_dashboard.export.commands import Request, check_trail, export
    from durascope_dashboard.export.source import Wanted

    trail, last = options.pop("verify"), options.pop("last")
    if trail is not None:
        intact, sentence = check_trail(trail, last)
        click.echo(sentence if intact else f"durascope: {sentence}", err=not intact)
        return 0 if intact else 1
    which = ("run_id", "namespace", "where", "status", "workflow_type", "limit")
    wanted = Wanted(workflow_ids=options.pop("workflow_id"), **{name: options.pop(name) for name in which})
    request = Request(format, wanted, **options)
    request.check()
    if request.follow:
        click.echo(f"sending to {request.endpoint}; Ctrl-C ends", err=True)
    with reading(server, store) as reader:
        click.echo(export(reader, request), err=True)
    return 0
