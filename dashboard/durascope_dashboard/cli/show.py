"""`durascope show`: one run, every attempt of it, where its time went and what it cost."""

from typing import Any

import click

from durascope_dashboard.cli._choices import complete_workflow_id
from durascope_dashboard.cli._reading import json_option, print_json, reading, source_options
from durascope_dashboard.lookup import read_run
from durascope_dashboard.store.location import Location


@click.command("show")
@click.argument("workflow_id", shell_complete=complete_workflow_id)
@click.option("--run-id", "-r", help="Which run of the workflow id.  [default: the newest]")
@click.option("--namespace", help="Only if the id exists in several namespaces.")
@click.option("--all", "everything", is_flag=True, help="List every operation, also of a very long run.")
@json_option
@source_options
def command(
    workflow_id: str, run_id: str | None, namespace: str | None, everything: bool, as_json: bool,
    server: str | None, store: Location | None,
) -> None:  # fmt: skip
    """Show a run: why it took so long, every operation and attempt, tokens, cost, and how far to trust the numbers.

    \b
    Examples:
      durascope show order-17
      durascope show order-17 --json | jq '.operations[] | select(.attempts | length > 1)'
    """
    from durascope_dashboard.analysis.compare import usual
    from durascope_dashboard.analysis.critical_path import critical_path
    from durascope_dashboard.analysis.explain import explain
    from durascope_dashboard.analysis.view import run_object

    with reading(server, store) as reader:
        found = read_run(reader, workflow_id, run_id, namespace)
        kind = found[0]["workflow_type"]
        peers = reader.query("peers", workflow_type=kind, run_id=found[0]["run_id"]).to_pylist() if kind else []
    path = critical_path(*found)
    explanation = explain(*found, usual(peers), path).text
    shown = run_object(*found)
    if as_json:
        print_json(shown | {"explanation": explanation, "critical_path": _path(path)})
    else:
        from durascope_dashboard.cli._run import print_run

        print_run(shown, explanation, path, everything=everything)


def _path(path: Any) -> dict[str, Any]:
    from dataclasses import asdict

    from durascope_dashboard.analysis.view import moment

    segments = [asdict(part) | {"start": moment(part.start), "end": moment(part.end)} for part in path.segments]
    return {"segments": segments, "savings": [asdict(saving) for saving in path.savings]}
