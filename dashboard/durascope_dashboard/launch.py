"""Starts the dashboard: Streamlit on loopback, told by the environment where its data is.

The page finds its data by ``DURASCOPE_SERVER`` and ``DURASCOPE_STORE`` like every other reader; this only sets them.
"""

import os
import sys
import threading
import time
import urllib.request
import webbrowser
from collections.abc import Mapping
from pathlib import Path

from durascope_dashboard.store.location import Location, secret_text
from durascope_dashboard.theme import streamlit_options

APP = Path(__file__).with_name("serving.py")
DEFAULT_PORT = 8501
PATIENCE_S = 60.0
EVERYWHERE = {"127.0.0.1", "0.0.0.0", "::"}
LINKS = {
    "temporal_ui": "DURASCOPE_TEMPORAL_UI",
    "grafana": "DURASCOPE_GRAFANA",
}


def arguments(port: int, *, address: str = "127.0.0.1") -> list[str]:
    """The ``streamlit run`` arguments: loopback, our theme, no statistics.

    Always headless: otherwise Streamlit asks its first user for an e-mail address before it starts.
    """
    options = {
        "server.address": address,
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.runOnSave": "false",
        "browser.gatherUsageStats": "false",
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
    import click
    from streamlit.web import cli

    from durascope_dashboard.demo.dev_server import port_in_use
    from durascope_dashboard.exceptions import PortInUse

    if port_in_use(port):
        raise PortInUse(f"port {port} for the dashboard is in use; name another with --port")
    os.environ.update(environment(server, store, temporal_ui=temporal_ui, grafana=grafana))
    os.environ.update(env or {})
    if browser:
        host = "localhost" if address in EVERYWHERE else f"[{address}]" if ":" in address else address
        threading.Thread(target=_open_when_up, args=(f"http://{host}:{port}",), daemon=True).start()
    try:
        result = cli.main(arguments(port, address=address), standalone_mode=False)
    except click.Abort:  # Ctrl-C, after everything has been closed: how a server is meant to end
        return 0
    return result if isinstance(result, int) else 0


def _open_when_up(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                webbrowser.open(url)
                return
        except OSError:
            time.sleep(0.1)  # not up yet
