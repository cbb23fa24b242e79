"""A comparison as tables: what got better or worse, then the operations that differ."""

from collections.abc import Callable
from typing import Any

from rich.text import Text

from durascope_dashboard import units
from durascope_dashboard.analysis.compare import Aligned, Comparison, Delta
from durascope_dashboard.analysis.headline import headline
from durascope_dashboard.cli import _tables as tables

_Shown = Callable[[float | None], str]
_SHOWN: dict[str, _Shown] = {
    "ms": units.duration, "count": units.count, "tokens": units.tokens, "usd": units.money,
    "share": lambda value: units.percent(value, 1),
}  # fmt: skip


def print_comparison(found: Comparison, *, everything: bool = False) -> None:
    """Everything on stdout; ``everything``: also what is the same in both."""
    out = tables.console()
    for name, run in (("A", found.a), ("B", found.b)):
        out.print(Text.assemble((f"{name}  ", "bold"), *_title(run)))
    for warning in found.warnings:
        out.print(Text(f"!  {warning}", style="yellow"))
    out.print(Text(f"\n{headline(found)}\n", style="bold"))
    out.print(_deltas(found.deltas, everything=everything))
    if found.first_divergence is not None:
        first = found.first_divergence
        where = " and ".join(
            f"{units.duration(ms)} after the start of {side}" for side, ms in (("A", first.a_ms), ("B", first.b_ms))
            if ms is not None
        )  # fmt: skip
        out.print(Text(f"\nThey first part at {_named(first.kind, first.name, first.agent)}: {first.what} ({where})"))
    rows = [row for row in found.aligned if everything or (row.kind != "agent" and row.differs)]
    if rows:
        out.print()
        out.print(_operations(rows))
    elif found.aligned:
        out.print("\nThe operations are the same; to list them: --all", style="dim")


def _title(run: Any) -> list[Any]:
    if not run.get("run_id"):
        return [f"median of {run.get('runs')} runs of {run.get('workflow_type')}"]
    took = units.duration(run.get("duration_ms"))
    return [str(tables.text(run["workflow_id"])), "  ", tables.status(run["status"]), f"  {took}",
            (f"  {run.get('workflow_type') or '–'}, run {run['run_id']}", "dim")]  # fmt: skip


def _named(kind: str, name: str, agent: str | None) -> str:
    shown = name if kind != "model" or not agent else f"call of {agent}"
    return str(tables.text(f"{kind} {shown}"))


def _deltas(deltas: tuple[Delta, ...], *, everything: bool) -> Any:
    shown = tables.table(None, "", ">A", ">B", ">change", "")
    for delta in deltas:
        if not everything and not (delta.change and not delta.negligible) and delta.name != "duration_ms":
            continue
        better = None if delta.slight else delta.better
        verdict = {True: Text("better", "green"), False: Text("worse", "red"), None: Text("")}[better]
        value = _SHOWN[delta.unit]
        change = "–" if delta.change is None else f"{'+' if delta.change > 0 else ''}{value(delta.change)}"
        name = delta.name.removesuffix("_ms").replace("_", " ")
        shown.add_row(name, value(delta.a), value(delta.b), change, verdict)
    return shown


def _operations(rows: list[Aligned]) -> Any:
    shown = tables.table(
        None, "operation", "differs", ">run A", ">run B", ">backoff A", ">backoff B", ">tokens A", ">tokens B"
    )
    for row in rows:
        agent = (row.a or row.b or {}).get("agent")
        name = f"{'  ' * row.depth}{_named(row.kind, row.name, agent)}{f' #{row.ordinal}' if row.ordinal > 1 else ''}"
        differs = row.differs if row.kind != "agent" else None
        shown.add_row(
            Text(name, "bold" if row.kind == "agent" else ""), Text(differs or "", "yellow"),
            *(units.duration((side or {}).get(part)) for part in ("run_ms", "backoff_ms") for side in (row.a, row.b)),
            *(_tokens(side) for side in (row.a, row.b)),
        )  # fmt: skip
    return shown


def _tokens(side: Any) -> str:
    if side is None:
        return units.UNKNOWN
    total = (side["billed_input"] or 0) + (side["billed_output"] or 0)
    return units.count(total) if total else ""
