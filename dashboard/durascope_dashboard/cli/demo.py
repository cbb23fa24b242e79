"""`durascope demo`: the whole product on one machine, with sample runs, in one command."""

from dataclasses import replace
from pathlib import Path

import click


@click.command("demo")
@click.option("--for", "seconds", type=click.FloatRange(min=1), metavar="SECONDS", help="End after this long.")
@click.option("--live", is_flag=True, help="Ask the real OpenAI API (needs OPENAI_API_KEY) instead of scripted models.")
@click.option("--port", type=int, help="The dashboard's port.  [default: 8501]")
@click.option("--free-ports", is_flag=True, help="Use any free ports instead of the well-known ones.")
@click.option("--state", type=click.Path(file_okay=False, path_type=Path), help="State and logs.  [default: .demo]")
@click.option("--rate", type=click.FloatRange(min=0.01), default=0.5, show_default=True, help="Runs started a second.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed starts the same runs.")
def command(
    seconds: float | None, live: bool, port: int | None, free_ports: bool, state: Path | None, rate: float, seed: int
) -> int:
    """Temporal dev server, collector, sample workers with traffic, and the dashboard; Ctrl-C stops all of it."""
    from durascope_dashboard.demo.ports import Ports
    from durascope_dashboard.demo.run import run_demo

    ports = Ports.free() if free_ports else Ports()
    if port is not None:
        ports = replace(ports, dashboard=port)
    return run_demo(seconds=seconds, live=live, ports=ports, directory=state, seed=seed, rate=rate)
