"""Where exported runs go, one class a format. Written in batches and closed once: any number of runs fits."""

from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TextIO

from pyarrow import csv, parquet

from durascope_dashboard.analysis.view import json_text, run_object
from durascope_dashboard.export import audit, otlp, perfetto
from durascope_dashboard.export.selection import PARTS, Selection
from durascope_dashboard.export.send import Sender
from durascope_dashboard.export.spans import run_trace
from durascope_dashboard.store.schema import TABLES

MAX_SPANS = 2000  # a request; about 2 MB, below every receiver's default limit of 4


class Sink(Protocol):
    """Takes batches of runs; ``close`` finishes the document."""

    def write(self, selection: Selection) -> None:
        """Add these runs."""
        ...

    def close(self) -> None:
        """Finish. Nothing may be written afterwards."""
        ...


class _ArraySink:
    """A JSON array of items, one a line, inside ``opening`` and ``closing``."""

    def __init__(self, out: TextIO, opening: str, closing: str) -> None:
        self._out, self._closing, self._separator = out, closing, "\n"
        out.write(opening)

    def _add(self, items: Iterable[Any]) -> None:
        for item in items:
            self._out.write(self._separator + json_text(item))
            self._separator = ",\n"

    def close(self) -> None:
        """Close the array."""
        self._out.write(f"\n{self._closing}\n")
        self._out.flush()


class JsonSink(_ArraySink):
    """An array of the objects that ``durascope show --json`` prints."""

    def __init__(self, out: TextIO) -> None:
        super().__init__(out, "[", "]")

    def write(self, selection: Selection) -> None:
        """See Sink."""
        self._add(run_object(rows.run, rows.operations, rows.attempts) for rows in selection.each())


class PerfettoSink(_ArraySink):
    """One trace event document, a process a run."""

    def __init__(self, out: TextIO) -> None:
        super().__init__(out, '{"displayTimeUnit":"ms","traceEvents":[', "]}")
        self._runs = 0

    def write(self, selection: Selection) -> None:
        """See Sink."""
        for rows in selection.each():
            self._runs += 1
            self._add(perfetto.events(self._runs, rows))


class AuditSink:
    """JSON Lines, hash-chained; ``last`` is the hash to keep."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.entries = 0
        self.last = audit.GENESIS

    def write(self, selection: Selection) -> None:
        """See Sink."""
        for entry in audit.entries(selection.each(), self.last, self.entries):
            self._out.write(json_text(entry) + "\n")
            self.last, self.entries = entry["hash"], entry["n"]

    def close(self) -> None:
        """See Sink."""
        self._out.flush()


class TableSink:
    """A file per table in a folder: ``runs``, ``operations``, ``attempts`` and ``spans``, columns as in the schema."""

    def __init__(self, folder: Path, suffix: str, open_writer: Callable[[str, Any], Any]) -> None:
        self.paths = {part: folder / f"{part}.{suffix}" for part in PARTS}
        self._writers = {part: open_writer(str(path), TABLES[part]) for part, path in self.paths.items()}

    def write(self, selection: Selection) -> None:
        """See Sink."""
        for part, writer in self._writers.items():
            writer.write_table(getattr(selection, part).select(TABLES[part].names).cast(TABLES[part]))

    def close(self) -> None:
        """See Sink."""
        for writer in self._writers.values():
            writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def csv_sink(folder: Path) -> TableSink:
    """CSV: times in microseconds since the epoch, unknown is empty."""
    return TableSink(folder, "csv", csv.CSVWriter)


def parquet_sink(folder: Path) -> TableSink:
    """Parquet, zstd, types kept."""

    def open_writer(path: str, schema: Any) -> Any:
        return parquet.ParquetWriter(path, schema, compression="zstd")

    return TableSink(folder, "parquet", open_writer)


class OtlpSink:
    """Complete traces to an OTLP receiver; deterministic ids, so sending a run again repeats spans and adds none."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self.spans = 0

    def write(self, selection: Selection) -> None:
        """See Sink. Raises ExportError."""
        spans = [span for rows in selection.each() for span in run_trace(rows)]
        for start in range(0, len(spans), MAX_SPANS):
            self._sender.send(otlp.request(spans[start : start + MAX_SPANS]))
        self.spans += len(spans)

    def close(self) -> None:
        """See Sink."""
        self._sender.close()
