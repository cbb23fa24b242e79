"""`durascope show`: one run, every attempt of it, where its time went and what it cost."""

from pathlib import Path
from typing import Any

import click

from durascope_dashboard.cli._reading import json_option, print_json, read_run, reading, source_options


@click.command("show")
@click.argument("workflow_id")
@click.option("--run-id", "-r", help="Which run of the workflow id.  [default: the newest]")
@click.option("--namespace", help="Only if the id exists in several namespaces.")
@json_option
@source_options
def command(
    workflow_id: str, run_id: str | None, namespace: str | None, as_json: bool, server: str | None, store: Path | None
) -> None:
    """Show a run: operations, attempts, waits, tokens, cost, and how far the numbers can be trusted."""
    with reading(server, store) as reader:
        run, operations, attempts = read_run(reader, workflow_id, run_id, namespace)
    from durascope_dashboard.analysis.view import run_object

    shown = run_object(run, operations, attempts)
    if as_json:
        print_json(shown)
    else:
        _print(shown)


def _print(run: dict[str, Any]) -> None:
    from durascope_dashboard.cli import _tables as tables

    out = tables.console()
    out.print(tables.status(run["status"]), tables.text(run["workflow_id"]), end="  ")
    out.print(f"[dim]{run['workflow_type'] or '–'} on {run['task_queue'] or '–'}, run {run['run_id']}[/dim]")
    _print_sums(out, run)
    out.print()
    out.print(_operations(run["operations"]))
    _print_coverage(out, run["coverage"])


def _print_sums(out: Any, run: dict[str, Any]) -> None:
    from durascope_dashboard import units

    retries, tokens, cost, time = run["retries"], run["tokens"], run["cost"], run["time_ms"]
    counts = ", ".join(f"{retries[name]} {name.replace('_', ' ')}" for name in retries)
    out.print(f"started {run['started']}, took {units.duration(run['duration_ms'])}; {counts}")
    parts = sorted(((ms, name) for name, ms in time.items() if name != "total" and ms), reverse=True)
    spent = "  ".join(
        f"{name.replace('_', ' ')} {units.duration(ms)} ({units.percent(ms, time['total'])})" for ms, name in parts
    )
    out.print(f"time    {spent or '–'}")
    sums = {part: tokens[part]["input"] + tokens[part]["output"] for part in ("billed", "useful", "wasted")}
    unknown = f", unknown in {tokens['unknown_attempts']} attempts" if tokens["unknown_attempts"] else ""
    out.print(f"tokens  billed {units.count(sums['billed'])} = useful {units.count(sums['useful'])} + wasted "
              f"{units.count(sums['wasted'])}{unknown}")  # fmt: skip
    unpriced = f"; no price for {', '.join(cost['unpriced_models'])}" if cost["unpriced_models"] else ""
    out.print(f"cost    billed {units.money(cost['billed'])}, wasted {units.money(cost['wasted'])}{unpriced}")
    if run["failure"]:
        from durascope_dashboard.cli import _tables as tables

        out.print("failure", tables.text(f"{run['failure']['type'] or ''} {run['failure']['message'] or ''}".strip()))


def _operations(operations: list[dict[str, Any]]) -> Any:
    from durascope_dashboard import units
    from durascope_dashboard.cli import _tables as tables

    shown = tables.table(
        None, "operation", "agent / model", "status", ">queue", ">run", ">backoff", ">tokens", "source", "error"
    )
    for operation in operations:
        name = tables.text(f"{operation['kind']} {operation['name'] or ''}")
        name.stylize("bold")
        who = " / ".join(part for part in (operation["agent"], operation["model"]) if part)
        times = [units.duration(operation[f"{part}_ms"]) for part in ("queue", "run", "backoff")]
        shown.add_row(name, tables.text(who), tables.status(operation["status"]), *times, "", "", "")
        if len(operation["attempts"]) == 1 and operation["attempts"][0]["status"] == "ok":
            continue
        for attempt in operation["attempts"]:
            shown.add_row(*_attempt(attempt, operation))
    return shown


def _attempt(attempt: dict[str, Any], operation: dict[str, Any]) -> list[Any]:
    from durascope_dashboard import units
    from durascope_dashboard.cli import _tables as tables

    tokens = attempt["tokens"]
    shown = units.count(tokens["input"] + tokens["output"]) if tokens else "?" if operation["kind"] == "model" else ""
    server = " (server)" if attempt["retry_by"] == "server" else ""
    error = f"{attempt['error_type'] or ''} {attempt['error_message'] or ''}".strip()
    delay = f" → retry in {units.duration(attempt['retry_delay_ms'])}{server}" if attempt["retry_delay_ms"] else ""
    return [
        f"  attempt {attempt['attempt']}", "", tables.status(attempt["status"]),
        *(units.duration(attempt[f"{part}_ms"]) for part in ("queue", "run", "backoff")),
        shown, attempt["source"] + (", estimated" if attempt["estimated"] else ""),
        tables.text((error + delay)[:120]) if error or delay else "",
    ]  # fmt: skip


def _print_coverage(out: Any, coverage: dict[str, int]) -> None:
    out.print(f"\nhistory tells of {coverage['history_attempts']} attempts, telemetry of {coverage['span_attempts']}; "
              f"{coverage['reconstructed']} reconstructed, {coverage['orphan_spans']} orphan spans, "
              f"{coverage['duplicate_spans']} duplicates dropped", style="dim")  # fmt: skip
