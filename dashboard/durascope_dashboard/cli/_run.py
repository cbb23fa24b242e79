"""One run in a terminal: the paragraph, the sums, the operations with their attempts, how far to trust it."""

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from durascope_dashboard import units
from durascope_dashboard.analysis.critical_path import CriticalPath
from durascope_dashboard.cli import _tables as tables

MANY = 200
WIDE = 150
"""Columns of a terminal from which model and source have a column too."""
_BAR = 24

Json = dict[str, Any]


def print_run(run: Json, explanation: str, path: CriticalPath, *, everything: bool = False) -> None:
    """``run`` as of ``view.run_object``. Of more than MANY operations only what matters, unless ``everything``."""
    out = tables.console()
    out.print(Text.assemble(tables.status(run["status"]), "  ", (str(tables.text(run["workflow_id"])), "bold")))
    facts = (
        f"{run['workflow_type'] or '–'} on {run['task_queue'] or '–'}, run {run['run_id']}, started {run['started']}"
    )
    out.print(Text(str(tables.text(facts)), style="dim"))
    out.print(Text("\n" + explanation.replace("`", "") + "\n"))
    out.print(_time(run["time_ms"]))
    out.print(_sums(run))
    if run["failure"]:
        said = f"{run['failure']['type'] or ''} {run['failure']['message'] or ''}".strip()
        out.print(Text.assemble(("failure  ", "bold red"), str(tables.text(said))))
    listed = run["operations"]
    if len(listed) > MANY and not everything:
        listed = [row for row in listed if _matters(row, path)][:MANY]
        out.print(f"\n{len(listed)} of {len(run['operations'])} operations: those with trouble and those on the "
                  "critical path; to list all: --all", style="dim")  # fmt: skip
    out.print()
    out.print(_operations(listed, path, run["started"], wide=out.width >= WIDE))
    out.print(_trust(run))


def _matters(operation: Json, path: CriticalPath) -> bool:
    return operation["status"] != "ok" or operation["attempt_count"] > 1 or operation["id"] in path.operation_ids


def _time(time: Json) -> Any:
    shown = tables.table(None, "where the time went", ">", ">", "")
    parts = sorted(((ms, name) for name, ms in time.items() if name != "total" and ms), reverse=True)
    for ms, name in parts:
        bar = "█" * round(_BAR * ms / time["total"]) if time["total"] else ""
        shown.add_row(
            name.replace("_", " "), units.duration(ms), units.percent(ms, time["total"]), Text(bar, style="cyan")
        )
    return shown


def _sums(run: Json) -> Text:
    tokens, cost, retries = run["tokens"], run["cost"], run["retries"]
    sums = {part: tokens[part]["input"] + tokens[part]["output"] for part in ("billed", "useful", "wasted")}
    unknown = f", unknown in {units.many(tokens['unknown_attempts'], 'attempt')}" if tokens["unknown_attempts"] else ""
    unpriced = f"; no price for {', '.join(cost['unpriced_models'])}" if cost["unpriced_models"] else ""
    return Text(
        f"\nattempts {retries['attempts']} of {units.many(retries['operations'], 'operation')}, "
        f"{units.many(retries['retries'], 'retry', 'retries')}, "
        f"{retries['failed_attempts']} failed\n"
        f"tokens   billed {units.count(sums['billed'])} = useful {units.count(sums['useful'])} + wasted "
        f"{units.count(sums['wasted'])}{unknown}\n"
        f"cost     billed {units.money(cost['billed'])}, wasted {units.money(cost['wasted'])}{unpriced}"
    )


def _operations(operations: list[Json], path: CriticalPath, started: str | None, *, wide: bool) -> Any:
    """One row an operation, and one an attempt where there are several; not ``wide``: without model and source."""
    model, source = (("model",), ("source",)) if wide else ((), ())
    waits = (">after", ">queue", ">run", ">backoff", ">tokens")
    shown = tables.table(None, " ", "operation", *model, "status", *waits, *source, "error")
    for operation in operations:
        one = operation["attempts"][0] if len(operation["attempts"]) == 1 else None
        told = one or (operation if not operation["attempts"] else {})
        shown.add_row(
            Text("●" if operation["id"] in path.operation_ids else "", style="magenta"), _title(operation),
            *([_text(operation["model"])] if wide else ()), tables.status(operation["status"]),
            _after(operation["scheduled"], started), *_waits(operation), _tokens(one, operation),
            *([_source(one)] if wide else ()), _error(told),
        )  # fmt: skip
        for attempt in operation["attempts"] if one is None else ():
            shown.add_row(
                "", f"  attempt {attempt['attempt']}", *([""] if wide else ()), tables.status(attempt["status"]),
                _after(attempt["queued"] or attempt["started"], started), *_waits(attempt), _tokens(attempt, operation),
                *([_source(attempt)] if wide else ()), _error(attempt),
            )  # fmt: skip
    return shown


def _title(operation: Json) -> Text:
    tries = f" x{operation['attempt_count']}" if operation["attempt_count"] > 1 else ""
    return Text.assemble((f"{operation['kind']} ", "dim"), (_text(_name(operation)), "bold"), (tries, "yellow"))


def _text(value: Any) -> str:
    return str(tables.text(value)) if value else ""


def _name(operation: Json) -> str:
    if operation["kind"] == "model":
        return str(operation["agent"] or operation["name"] or "")
    agent = f" ({operation['agent']})" if operation["agent"] else ""
    return f"{operation['name'] or ''}{agent}"


def _waits(row: Json) -> Iterator[str]:
    for part in ("queue", "run", "backoff"):
        value = row.get(f"{part}_ms")
        yield "" if value == 0 and part == "backoff" else units.duration(value)


def _after(moment: str | None, started: str | None) -> str:
    from datetime import datetime

    if not moment or not started:
        return ""
    passed = datetime.fromisoformat(moment) - datetime.fromisoformat(started)
    return "+" + units.duration(max(passed.total_seconds(), 0) * 1000)


def _tokens(attempt: Json | None, operation: Json) -> str:
    if attempt is None:
        return ""
    tokens = attempt.get("tokens")
    if tokens:
        return units.count(tokens["input"] + tokens["output"])
    unknown = operation["kind"] == "model" and attempt["status"] not in ("running", "pending")
    return "?" if unknown and attempt["started"] else ""


def _source(attempt: Json | None) -> str:
    if attempt is None:
        return ""
    return f"{attempt['source']}{', estimated' if attempt['estimated'] else ''}"


def _error(attempt: Json) -> Text:
    said = f"{attempt.get('error_type') or ''} {attempt.get('error_message') or ''}".strip()
    server = " (server)" if attempt.get("retry_by") == "server" else ""
    delay = f" → retry in {units.duration(attempt['retry_delay_ms'])}{server}" if attempt.get("retry_delay_ms") else ""
    return Text(str(tables.text(said[:200] + delay)) if said or delay else "")


def _trust(run: Json) -> Text:
    found = run["coverage"]
    if not found["history_attempts"]:
        first = f"History has not told of its attempts yet; telemetry tells of {found['span_attempts']}."
    elif not found["span_attempts"]:
        first = (
            f"History tells of {units.many(found['history_attempts'], 'attempt')}; there is no telemetry of this run."
        )
    else:
        told = units.many(found["history_attempts"], "attempt")
        first = (
            f"History tells of {told}, telemetry of {found['span_attempts']}; {found['reconstructed']} reconstructed."
        )
    stray = ", ".join(f"{found[name]} {word}" for name, word in (
        ("orphan_spans", "orphan spans"), ("duplicate_spans", "duplicate spans dropped")) if found[name])  # fmt: skip
    skew = f" A worker's clock was off by {units.duration(run['skew_ms'])}." if abs(run["skew_ms"] or 0) > 1000 else ""
    return Text(f"\n● = critical path. {first}{f' {stray}.' if stray else ''}{skew}", style="dim")
