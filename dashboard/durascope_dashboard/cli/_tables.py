"""How runs look in a terminal: status by colour and word, numbers with their unit, unknown as a dash."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_STYLES = {
    "ok": "green", "completed": "green", "running": "cyan", "pending": "yellow", "continued_as_new": "blue",
    "error": "bold red", "failed": "bold red", "timeout": "bold yellow", "timed_out": "bold yellow",
    "lost": "bold magenta", "cancelled": "dim", "terminated": "bold red",
}  # fmt: skip


def console() -> Console:
    """Standard output; plain and unwrapped where it is no terminal."""
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=200, no_color=True)


def status(value: str | None) -> Text:
    """The status word in its colour."""
    return Text((value or "–").replace("_", " "), style=_STYLES.get(value or "", ""))


def table(title: str | None, *columns: str) -> Table:
    """A light table; a column whose name starts with ``>`` is right-aligned."""
    result = Table(
        title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    for column in columns:
        right = column.startswith(">")
        result.add_column(column.lstrip(">"), justify="right" if right else "left", no_wrap=right, header_style="dim")
    return result


def text(value: Any) -> Text:
    """Foreign text: never read as markup, no control characters, no line breaks."""
    shown = "".join(c if c.isprintable() else " " for c in str(value)) if value not in (None, "") else "–"
    return Text(shown)
