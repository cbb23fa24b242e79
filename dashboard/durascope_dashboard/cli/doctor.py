"""`durascope doctor`: is everything connected, complete and in time; and if not, what to do."""

from dataclasses import asdict
from typing import Any

import click

from durascope_dashboard.cli._reading import json_option, print_json, source_options
from durascope_dashboard.cli._temporal import temporal_config, temporal_options
from durascope_dashboard.store.location import Location

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "bold red"), "unknown": ("–", "dim")}


@click.command("doctor")
@temporal_options
@json_option
@source_options
def command(as_json: bool, server: str | None, store: Location | None, **temporal: Any) -> int:
    """Check packages, collector, store, Temporal, task queues, plugins, token sources, clocks and sampling.

    \b
    Exit code: 0 if nothing has failed (warnings are no failure), 1 if something has.
    Example:   durascope doctor --temporal localhost:7233 --json
    """
    from durascope_dashboard.analysis.diagnosis import Level, worst
    from durascope_dashboard.cli import _probes

    findings = []
    for finding in _probes.examine(server, store, temporal_config(**temporal)):
        findings.append(finding)
        if not as_json:
            _print(asdict(finding))
    level = worst(findings)
    if as_json:
        print_json({"status": level, "checks": [asdict(finding) for finding in findings]})
    return 1 if level is Level.FAILED else 0


def _print(finding: dict[str, str]) -> None:
    from rich.text import Text

    from durascope_dashboard.cli import _tables as tables

    mark, style = _MARKS[finding["level"]]
    line = Text.assemble((mark, style), f" {finding['check']:<14} ", str(tables.text(finding["found"])))
    if finding["next_step"]:
        line.append(f"\n{'':17}→ {finding['next_step']}", "bold" if finding["level"] == "failed" else "")
    tables.console().print(line)
