"""`durascope export`: reads runs in batches and hands them to a sink, with a progress bar on a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from durascope_dashboard.export.sinks import Sink
from durascope_dashboard.export.source import Wanted, batches, total
from durascope_dashboard.reader import Reader

Advance = Callable[[int], None]


@dataclass
class Done:
    """What was exported."""

    runs: int = 0
    operations: int = 0
    attempts: int = 0

    def __str__(self) -> str:
        return f"{self.runs} runs, {self.operations} operations, {self.attempts} attempts"


def run_export(reader: Reader, sink: Sink, wanted: Wanted, *, what: str = "exporting") -> Done:
    """Export every wanted run; the sink is closed, whatever happens. Raises NotFound, ExportError."""
    done = Done()
    try:
        with progress(what, total(reader, wanted)) as advance:
            for selection in batches(reader, wanted):
                sink.write(selection)
                done.runs += selection.runs.num_rows
                done.operations += selection.operations.num_rows
                done.attempts += selection.attempts.num_rows
                advance(selection.runs.num_rows)
    finally:
        sink.close()
    return done


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Advance]:
    """A bar on stderr if that is a terminal, else nothing."""
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)
