"""Runs in Chrome's trace event format: opens in ui.perfetto.dev and chrome://tracing.

A process is a run, a thread an operation; on it stand queue waits, attempts and backoffs one after another.
"""

from collections.abc import Iterator
from typing import Any

from durascope.records import Micros
from durascope_dashboard.export.selection import Row, RunRows

Event = dict[str, Any]


def events(pid: int, rows: RunRows) -> Iterator[Event]:
    """The run as process ``pid``; times and durations in microseconds since the epoch."""
    run = rows.run
    yield _name("process_name", pid, 0, f"{run['workflow_type']} {run['workflow_id']} {run['run_id']}")
    yield _name("thread_name", pid, 0, "run")
    end = _end(rows)
    yield _slice(pid, 0, run["workflow_type"], "workflow", run["started"], end, {"status": run["status"]})
    attempts: dict[str, list[Row]] = {}
    for attempt in rows.attempts:
        attempts.setdefault(attempt["operation_id"], []).append(attempt)
    for tid, operation in enumerate(rows.operations, start=1):
        yield _name("thread_name", pid, tid, f"{operation['kind']} {operation['name']}")
        yield {"ph": "M", "name": "thread_sort_index", "pid": pid, "tid": tid, "args": {"sort_index": tid}}
        mine = attempts.get(operation["operation_id"], [])
        if mine:
            yield from _attempts(pid, tid, operation, mine, end)
        else:
            closed = operation["closed"] or end
            args = {"status": operation["status"], "error": operation["error_message"]}
            yield _slice(pid, tid, operation["name"], operation["kind"], operation["scheduled"], closed, args)


def _end(rows: RunRows) -> Micros:
    """When the run closed, or the last thing known of an open one."""
    if rows.run["closed"] is not None:
        return int(rows.run["closed"])
    columns = ((rows.operations, "scheduled"), (rows.operations, "closed"), (rows.attempts, "ended"))
    times = [row[name] for table, name in columns for row in table if row[name] is not None]
    return int(max([rows.run["started"], rows.run["updated"] or 0, *times]))


def _attempts(pid: int, tid: int, operation: Row, attempts: list[Row], end: Micros) -> Iterator[Event]:
    before: Micros | None = None
    for attempt in attempts:
        # Clocks differ between worker and server; slices of a thread that overlap would be drawn as nested or dropped.
        queued, started = (_not_before(before, attempt[name]) for name in ("queued", "started"))
        label = f"{operation['name']} #{attempt['attempt']}"
        if before is not None and queued is not None and queued > before:
            yield _slice(pid, tid, "backoff", "backoff", before, queued, {"before_attempt": attempt["attempt"]})
        # One that only history implies was queued, but nobody knows until when; one that still waits, until now.
        taken = end if started is None and attempt["status"] == "pending" else started
        if queued is not None and taken is not None and taken > queued:
            yield _slice(pid, tid, "queue", "queue", queued, taken, {"attempt": attempt["attempt"]})
        if started is not None:
            yield _slice(pid, tid, label, operation["kind"], started, attempt["ended"] or end, _arguments(attempt))
        before = max(before or 0, attempt["ended"] or 0, started or 0) or None


def _not_before(before: Micros | None, time: Micros | None) -> Micros | None:
    return time if before is None or time is None else max(before, time)


def _arguments(attempt: Row) -> dict[str, Any]:
    names = ("attempt", "status", "error_type", "error_message", "worker", "model", "tokens_input", "tokens_output",
             "source", "estimated")  # fmt: skip
    return {name: attempt[name] for name in names if attempt[name] is not None}


def _slice(
    pid: int, tid: int, name: str, category: str, start: Micros, end: Micros, arguments: dict[str, Any]
) -> Event:
    args = {key: value for key, value in arguments.items() if value is not None}
    duration = max(0, end - start)
    return {
        "ph": "X", "name": name, "cat": category, "ts": start, "dur": duration, "pid": pid, "tid": tid, "args": args,
    }  # fmt: skip


def _name(kind: str, pid: int, tid: int, name: str) -> Event:
    return {"ph": "M", "name": kind, "pid": pid, "tid": tid, "args": {"name": name}}
