"""`durascope dashboard`: the web page."""

import click

from durascope_dashboard.cli._reading import source_options
from durascope_dashboard.store.location import Location


@click.command("dashboard")
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="Where to listen.")
@click.option("--host", default="127.0.0.1", show_default=True, help="On which address.")
@click.option("--browser", is_flag=True, help="Open it in a browser.")
@source_options
def command(port: int, host: str, browser: bool, server: str | None, store: Location | None) -> int:
    """Serve the dashboard in the foreground until Ctrl-C."""
    from durascope_dashboard.launch import launch_dashboard

    return launch_dashboard(server, store, port, address=host, browser=browser)
