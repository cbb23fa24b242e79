"""What `durascope export` does, once its options are read."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from urllib.parse import unquote

from durascope_dashboard.clock import micros_now
from durascope_dashboard.exceptions import UsageError
from durascope_dashboard.export import sinks
from durascope_dashboard.export.audit import verify
from durascope_dashboard.export.follow import Follow
from durascope_dashboard.export.metrics import fleet_families
from durascope_dashboard.export.openmetrics import text
from durascope_dashboard.export.push import Push
from durascope_dashboard.export.run import run_export
from durascope_dashboard.export.send import Destination
from durascope_dashboard.export.source import Wanted
from durascope_dashboard.reader import Reader

FOLDERS = ("csv", "parquet")
SENT = ("otlp", "metrics")


@dataclass(frozen=True)
class Request:
    """One invocation: the format, the runs, and where they go."""

    format: str
    wanted: Wanted
    output: str | None = None
    endpoint: str | None = None
    protocol: str = "grpc"
    headers: tuple[str, ...] = ()
    follow: bool = False
    interval_s: float = 15.0

    def check(self) -> None:
        """Raises UsageError for options that do not go together."""
        if self.format in FOLDERS and self.output in (None, "-"):
            raise UsageError(
                f"{self.format} writes several files; name their folder: durascope export {self.format} -o FOLDER"
            )
        if self.wanted.run_id and not self.wanted.workflow_ids:
            raise UsageError(
                f"--run-id says which run of a workflow id; name that too: durascope export {self.format} WORKFLOW_ID "
                f"--run-id {self.wanted.run_id}"
            )
        if self.follow and self.wanted.workflow_ids:
            raise UsageError("--follow sends whatever closes; narrow it with --query, --type or --status, not by an id")
        if self.follow and self.format not in SENT:
            raise UsageError(f"--follow is for otlp and metrics, not for {self.format}; leave it out")
        if not self.endpoint and (self.format == "otlp" or (self.follow and self.format == "metrics")):
            raise UsageError(
                "there is nowhere to send to; give --endpoint http://HOST:4317 or set OTEL_EXPORTER_OTLP_ENDPOINT"
            )

    def destination(self, kind: str) -> Destination:
        """Endpoint, protocol and headers, the standard variable's included. Raises UsageError."""
        # The variable's values are percent-encoded, as vendors' pages print them: Authorization=Basic%20...
        given = os.environ.get("OTEL_EXPORTER_OTLP_HEADERS", "").split(",")
        standard = [unquote(part) for part in given if part.strip()]
        headers = {}
        for header in (*standard, *self.headers):
            name, separator, value = header.partition("=")
            if not separator:
                raise UsageError(f"the header {name!r} has no value; write it as NAME=VALUE")
            headers[name.strip()] = value.strip()
        return Destination(self.endpoint or "", self.protocol, headers, kind)


def export(reader: Reader, request: Request) -> str:
    """Do it; what was done, in a sentence. Raises UsageError, NotFound, ExportError."""
    request.check()
    if request.format == "metrics":
        return _metrics(reader, request)
    return _follow(reader, request) if request.follow else _runs(reader, request)


def _runs(reader: Reader, request: Request) -> str:
    with _opened(request) as out:
        sink = _sink(request, out)
        done = run_export(reader, sink, request.wanted, what=f"exporting {request.format}")
    note = f", {sink.spans} spans" if isinstance(sink, sinks.OtlpSink) else ""
    if isinstance(sink, sinks.AuditSink):
        note = f"; the trail has {sink.entries} entries and ends with {sink.last}"
    return f"exported {done}{note}"


def _sink(request: Request, out: TextIO) -> sinks.Sink:
    match request.format:
        case "json":
            return sinks.JsonSink(out)
        case "perfetto":
            return sinks.PerfettoSink(out)
        case "audit":
            return sinks.AuditSink(out)
        case "otlp":
            return sinks.OtlpSink(request.destination("traces").open())
        case _:
            folder = Path(request.output or ".")
            with _writable(folder, "folder"):
                folder.mkdir(parents=True, exist_ok=True)
            return sinks.csv_sink(folder) if request.format == "csv" else sinks.parquet_sink(folder)


def _opened(request: Request) -> AbstractContextManager[TextIO]:
    if request.output in (None, "-") or request.format in FOLDERS:
        return nullcontext(sys.stdout)
    assert request.output is not None
    with _writable(request.output, "file"):
        return Path(request.output).open("w", encoding="utf-8")


@contextmanager
def _writable(path: str | Path, what: str) -> Iterator[None]:
    """Raises UsageError for what the system says about a path that was given."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be written: {error.strerror}; name another {what}") from error


def _follow(reader: Reader, request: Request) -> str:
    sink = sinks.OtlpSink(request.destination("traces").open())
    follow = Follow(reader, sink, request.wanted, micros_now())
    try:
        _until_stopped(follow.run)
    finally:
        sink.close()
    trouble = f"; {follow.failures} failures, the last: {follow.last_error}" if follow.failures else ""
    return f"sent {follow.runs} runs, {sink.spans} spans{trouble}"


def _metrics(reader: Reader, request: Request) -> str:
    if not request.endpoint or request.output:
        with _opened(request) as out:
            out.write(text(fleet_families(reader, micros_now())))
        return "exported the fleet's metrics as of now"
    push = Push(reader, request.destination("metrics").open())
    if request.follow:
        _until_stopped(lambda stop: push.run(stop, request.interval_s))
    else:
        push.step()
    return f"pushed {push.points} series {push.pushes} times" + (f", {push.failures} failures" if push.failures else "")


def _until_stopped(work: Callable[[threading.Event], None]) -> None:
    """Run ``work(stop)``; SIGINT and SIGTERM set ``stop``, so that what is under way is finished."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        work(stop)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def check_trail(path: Path, last: str | None) -> tuple[bool, str]:
    """Whether an audit trail is intact, and a sentence about it."""
    with path.open(encoding="utf-8") as lines:
        verdict = verify(lines, last)
    if verdict.problem:
        return False, f"{path} is not intact after {verdict.entries} entries: {verdict.problem}"
    return True, f"{path} is intact: {verdict.entries} entries, ending with {verdict.last}"
