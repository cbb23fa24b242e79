"""`durascope compare A B`: what changed, operation by operation, and whether it got better."""

from typing import TYPE_CHECKING, Any

import click

from durascope_dashboard.cli._choices import complete_workflow_id
from durascope_dashboard.cli._reading import json_option, print_json, reading, source_options
from durascope_dashboard.lookup import read_run
from durascope_dashboard.store.location import Location

if TYPE_CHECKING:
    from durascope_dashboard.analysis.compare import Comparison
    from durascope_dashboard.reader import Reader


@click.command("compare")
@click.argument("a", shell_complete=complete_workflow_id)
@click.argument("b", required=False, shell_complete=complete_workflow_id)
@click.option("--median", is_flag=True, help="Compare A with the median of its type instead of with B.")
@click.option("--run-a", metavar="RUN_ID", help="Which run of A.  [default: the newest]")
@click.option("--run-b", metavar="RUN_ID", help="Which run of B.  [default: the newest]")
@click.option("--namespace", help="Only if an id exists in several namespaces.")
@click.option("--all", "everything", is_flag=True, help="List also what is the same.")
@json_option
@source_options
def command(
    a: str, b: str | None, median: bool, run_a: str | None, run_b: str | None, namespace: str | None, everything: bool,
    as_json: bool, server: str | None, store: Location | None,
) -> None:  # fmt: skip
    """Compare two runs: time, retries, tokens, cost, each operation, and where they first part.

    \b
    Examples:
      durascope compare order-17 order-18
      durascope compare nightly nightly --run-a OLD_RUN --run-b NEW_RUN
      durascope compare order-17 --median
    """
    if (b is None) == (not median):
        raise click.UsageError("name two workflows to compare, or one with --median")
    with reading(server, store) as reader:
        found = (
            _against_median(reader, a, run_a, namespace)
            if b is None
            else _two(reader, (a, run_a), (b, run_b), namespace)
        )
    if as_json:
        from durascope_dashboard.analysis.compare_view import comparison_object

        print_json(comparison_object(found))
        return
    from durascope_dashboard.cli import _comparison

    _comparison.print_comparison(found, everything=everything)


def _frames(reader: "Reader", workflow_id: str, run_id: str | None, namespace: str | None) -> Any:
    from durascope_dashboard.analysis.compare import RunFrames

    return RunFrames(*read_run(reader, workflow_id, run_id, namespace))


def _two(reader: "Reader", a: tuple[str, str | None], b: tuple[str, str | None], namespace: str | None) -> "Comparison":
    from durascope_dashboard.analysis.compare import compare

    return compare(*(_frames(reader, *side, namespace) for side in (a, b)))


def _against_median(reader: "Reader", workflow_id: str, run_id: str | None, namespace: str | None) -> "Comparison":
    from durascope_dashboard.analysis.compare import compare_to_median
    from durascope_dashboard.exceptions import NotFound

    frames = _frames(reader, workflow_id, run_id, namespace)
    kind = frames.run["workflow_type"]
    peers = reader.query("peers", workflow_type=kind, run_id=frames.run["run_id"]).to_pylist() if kind else []
    found = compare_to_median(frames, peers)
    if not found.b["runs"]:
        raise NotFound(
            f"there is no other closed run of type {kind!r} to compare {workflow_id!r} with; name a run as B"
        )
    return found
