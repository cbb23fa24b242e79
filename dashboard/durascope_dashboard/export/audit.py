"""An audit trail: JSON Lines, one entry for every agent interaction, each sealed with the hash of the one before.

``hash`` is SHA-256 over the entry's canonical JSON without it; ``previous`` is the hash of the line above (64 zeroes
on the first). Changing, removing or reordering a line breaks the chain. Cutting the *end* off does not: keep the last
hash somewhere else (``durascope export audit`` prints it) and give it to the check.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from durascope import conventions as c
from durascope.records import Kind
from durascope_dashboard.analysis.view import moment
from durascope_dashboard.exceptions import ExportError
from durascope_dashboard.export.selection import Row, RunRows

Entry = dict[str, Any]
GENESIS = "0" * 64
ARGUMENTS = "sha256:"
_KINDS = frozenset(Kind)
# Spans that tell of an interaction which history does not name.
_SPAN_EVENTS = {c.SPAN_HANDOFF: "handoff", c.SPAN_GUARDRAIL: "guardrail"}
_OPERATION_EVENTS = {
    Kind.MODEL: "model_call", Kind.TOOL: "tool_call", Kind.MCP: "tool_call", Kind.ACTIVITY: "activity",
    Kind.LOCAL_ACTIVITY: "activity", Kind.SIGNAL: "signal", Kind.UPDATE: "update", Kind.HUMAN_WAIT: "approval_wait",
    Kind.CHILD: "child_workflow", Kind.NEXUS: "nexus_operation",
}  # fmt: skip


def entries(runs: Iterable[RunRows], previous: str = GENESIS, number: int = 0) -> Iterator[Entry]:
    """Sealed entries, run by run, each run's in order of time; after entry ``number``, whose hash is ``previous``."""
    for rows in runs:
        for entry in _of_run(rows):
            number += 1
            sealed = {"n": number, **entry, "previous": previous}
            previous = digest(sealed)
            yield {**sealed, "hash": previous}


def digest(entry: Entry) -> str:
    """The seal of an entry: SHA-256 of its canonical JSON without ``hash``."""
    body = {key: value for key, value in entry.items() if key != "hash"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Verdict:
    """What a check found; ``problem`` is None for an intact chain."""

    entries: int
    last: str
    problem: str | None = None


def verify(lines: Iterable[str], last: str | None = None) -> Verdict:
    """Check a trail line by line; ``last`` is the hash its last line must have, if known."""
    previous, number = GENESIS, 0
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
        except ValueError as error:
            return Verdict(number - 1, previous, f"line {number} is not JSON: {error}")
        problem = _problem(entry, number, previous)
        if problem:
            return Verdict(number - 1, previous, f"line {number} {problem}")
        previous = entry["hash"]
    if last is not None and previous != last:
        return Verdict(
            number, previous, f"the trail ends with {previous[:12]}…, not with {last[:12]}…: lines are missing"
        )
    return Verdict(number, previous)


def _problem(entry: Any, number: int, previous: str) -> str | None:
    if not isinstance(entry, dict) or not {"n", "hash", "previous"} <= entry.keys():
        return "is not an audit entry"
    if entry["previous"] != previous:
        return "does not follow the line above: a line was removed, added or moved"
    if entry["n"] != number:
        return f"has number {entry['n']}"
    return None if digest(entry) == entry["hash"] else "was changed: its hash does not match its content"


def _of_run(rows: RunRows) -> list[Entry]:
    found = [*_operations(rows), *_spans(rows)]
    return [entry for _, entry in sorted(found, key=lambda item: item[0])]


def _operations(rows: RunRows) -> Iterator[tuple[int, Entry]]:
    operations = {row["operation_id"]: row for row in rows.operations}
    with_attempts = {row["operation_id"] for row in rows.attempts}
    for attempt in rows.attempts:
        operation = operations.get(attempt["operation_id"])
        if operation is None or _event(operation) is None:
            continue
        begun = attempt["started"] or attempt["queued"] or operation["scheduled"]
        yield begun, _attempt_entry(rows.run, operation, attempt)
    for operation in rows.operations:
        if operation["operation_id"] not in with_attempts and _event(operation) is not None:
            yield operation["scheduled"], _operation_entry(rows.run, operation)


def _event(operation: Row) -> str | None:
    """What the trail calls it; None for what is no interaction. Raises ExportError: nothing is left out unnoticed."""
    if operation["kind"] not in _KINDS:
        raise ExportError(
            f"the operation {operation['operation_id']!r} of run {operation['run_id']!r} is a {operation['kind']!r}, "
            "which this Durascope does not know; upgrade it, or export other runs"
        )
    return _OPERATION_EVENTS.get(operation["kind"])


def _base(run: Row, event: str | None, time: int | None) -> Entry:
    return {
        "time": moment(time), "event": event, "namespace": run["namespace"], "workflow_id": run["workflow_id"],
        "run_id": run["run_id"], "workflow_type": run["workflow_type"],
    }  # fmt: skip


def _operation_entry(run: Row, operation: Row) -> Entry:
    entry = _base(run, _event(operation), operation["scheduled"])
    return entry | {
        "operation": operation["operation_id"], "name": operation["name"], "agent": operation["agent"],
        "model": operation["model"], "outcome": operation["status"], "ended": moment(operation["closed"]),
        "error_type": operation["error_type"], "history_event": operation["event_id"], **_detail(operation),
    }  # fmt: skip


def _detail(operation: Row) -> Entry:
    """The digest of an activity's arguments; of other operations what they say of themselves (a child's id)."""
    detail = operation["detail"] or ""
    return {"arguments": detail} if detail.startswith(ARGUMENTS) else {"detail": detail or None}


def _attempt_entry(run: Row, operation: Row, attempt: Row) -> Entry:
    tokens = {kind: attempt[f"tokens_{kind}"] for kind in ("input", "cached_input", "output", "reasoning")}
    return _operation_entry(run, operation) | {
        "time": moment(attempt["started"] or attempt["queued"]), "attempt": attempt["attempt"],
        "outcome": attempt["status"], "ended": moment(attempt["ended"]), "worker": attempt["worker"],
        "error_type": attempt["error_type"], "source": attempt["source"], "estimated": bool(attempt["estimated"]),
        "tokens": None if attempt["tokens_input"] is None else tokens,
    }  # fmt: skip


def _spans(rows: RunRows) -> Iterator[tuple[int, Entry]]:
    for span in rows.spans:
        event = _SPAN_EVENTS.get(span["kind"])
        if event is None:
            continue
        attributes = json.loads(span["attributes"] or "{}")
        triggered = attributes.get(c.GUARDRAIL_TRIGGERED)
        yield span["start"], _base(rows.run, event, span["start"]) | {
            "operation": f"span:{span['span_id']}", "name": attributes.get(c.GUARDRAIL_NAME, span["name"]),
            "agent": span["agent"], "from": attributes.get(c.HANDOFF_FROM), "to": attributes.get(c.HANDOFF_TO),
            "outcome": {True: "triggered", False: "passed"}.get(triggered, span["status"]), "source": "span",
        }  # fmt: skip
