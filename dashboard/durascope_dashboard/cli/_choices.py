"""Words on the command line: workflow ids completed by the shell, stretches of time such as ``30m`` or ``7d``."""

from typing import TYPE_CHECKING

import click

from durascope_dashboard.clock import since

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def complete_workflow_id(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The newest workflow ids that begin so."""
    from click.shell_completion import CompletionItem

    from durascope_dashboard.cli._reading import reading
    from durascope_dashboard.exceptions import DurascopeError

    try:
        with reading(ctx.params.get("server"), ctx.params.get("store")) as reader:
            rows = reader.query("runs", limit=500).to_pylist()
    except DurascopeError:
        return []  # a shell that completes cannot say what is wrong; the command itself will
    newest = {row["workflow_id"]: row for row in reversed(rows) if row["workflow_id"].startswith(incomplete)}
    return [CompletionItem(name, help=f"{row['workflow_type']}, {row['status']}") for name, row in newest.items()]


class Since(click.ParamType[int]):
    """``90s``, ``30m``, ``2h``, ``7d`` ago, or a moment in RFC 3339 -> µs since the epoch."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it; a wrong one is a usage error."""
        if isinstance(value, int):
            return value
        text = str(value).strip()
        try:
            return round(since(text).timestamp() * 1_000_000)
        except ValueError:
            self.fail(f"{text!r} is no time; write 30m, 2h, 7d or 2026-11-23T12:00:00Z", param, ctx)
