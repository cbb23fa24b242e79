"""Starts the dashboard: Streamlit on loopback, told by the environment where its data is.

The page finds its data by ``DURASCOPE_SERVER`` and ``DURASCOPE_STORE`` like every other reader; this only sets them.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from durascope_dashboard.store.location import Location, secret_text
from durascope_dashboard.theme import streamlit_options

APP = Path(__file__).with_name("serving.py")
DEFAULT_PORT = 8501
LINKS = {
    "temporal_ui": "DURASCOPE_TEMPORAL_UI",
    "grafana": "DURASCOPE_GRAFANA",
}


def arguments(port: int, *, address: str = "127.0.0.1", browser: bool = False) -> list[str]:
    """The ``streamlit run`` arguments: loopback, headless unless a browser is asked for, our theme, no statistics."""
    options = {
        "server.address": address,
        "server.port": str(port),
        "server.headless": "false" if browser else "true",
        "server.fileWatcherType": "none",
        "server.runOnSave": "false",
        "browser.gatherUsageStats": "false",
        "browser.serverAddress": "localhost",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showSidebarNavigation": "false",
        **streamlit_options(),
    }
    return ["run", str(APP), *(f"--{name}={value}" for name, value in options.items())]


def environment(
    server: str | None, store: Location | None, *, temporal_ui: str | None = None, grafana: str | None = None
) -> dict[str, str]:
    """The variables that tell the page where its data and its links are; only those that are known."""
    values = {
        "DURASCOPE_SERVER": server,
        "DURASCOPE_STORE": None if store is None else secret_text(store),
        LINKS["temporal_ui"]: temporal_ui,
        LINKS["grafana"]: grafana,
    }
    return {name: value for name, value in values.items() if value}


def command(port: int, *, address: str = "127.0.0.1") -> list[str]:
    """The command line of a dashboard as a child process; give it :func:`environment` on top of ``os.environ``."""
    return [sys.executable, "-m", "streamlit", *arguments(port, address=address)]


def launch_dashboard(
    server: str | None,
    store: Location | None,
    port: int = DEFAULT_PORT,
    *,
    address: str = "127.0.0.1",
    browser: bool = False,
    temporal_ui: str | None = None,
    grafana: str | None = None,
    env: Mapping[str, str] | None = None,
) -> int:
    """Serve the dashboard in the foreground until SIGINT or SIGTERM; answers the exit code.

    ``server`` is a collector's URL, ``store`` a store to open when no collector answers; both None: the defaults.
    Raises ``PortInUse``.
    """
    from streamlit.web import cli

    from durascope_dashboard.demo.dev_server import port_in_use
    from durascope_dashboard.exceptions import PortInUse

    if port_in_use(port):
        raise PortInUse(f"port {port} for the dashboard is in use; name another with --port")
    os.environ.update(environment(server, store, temporal_ui=temporal_ui, grafana=grafana))
    os.environ.update(env or {})
    result = cli.main(arguments(port, address=address, browser=browser), standalone_mode=False)
    return result if isinstance(result, int) else 0
