"""OTLP requests as rows of the store: pure, no I/O. Spans, attempts that attempt spans tell, attempts that only began.

body -> wire.TraceRequest -> per span: attributes -> facts -> columns -> Arrow
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
from google.protobuf.message import DecodeError

from durascope import conventions as c
from durascope.identity import RunKey
from durascope_dashboard.collector import attributes as kv
from durascope_dashboard.collector import columns, wire
from durascope_dashboard.collector.attempts import Row, attempt_row, attempts_table
from durascope_dashboard.store import schema

_STATUS: Final = {0: "unset", 1: "ok", 2: "error"}
_MAX_NS: Final = 2**63 - 1
_NO_RUN: Final = ("", "", "")
# Columns of `spans` made row by row; ids, resource and scope are made for all rows at once.
_NAMES: Final = (
    *schema.RUN_KEY, "name", "kind", "start", "end", "status", "status_message", "activity_id", "attempt", "agent",
    "model", "input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens",
    "attributes", "events",
)  # fmt: skip


class MalformedRequest(ValueError):
    """The body is no OTLP request of that signal."""


@dataclass
class Decoded:
    """Rows of one request, and the runs they tell of."""

    spans: pa.Table | None = None
    span_attempts: pa.Table | None = None
    runs: set[RunKey] = field(default_factory=set)
    accepted: int = 0
    rejected: int = 0  # spans without a valid id: said in partial_success

    @property
    def reason(self) -> str:
        """Why some were rejected."""
        return f"{self.rejected} span(s) without a valid trace id, span id and start time were not stored"

    def tables(self) -> dict[str, pa.Table]:
        """What there is to write, by table."""
        pairs = {"spans": self.spans, "span_attempts": self.span_attempts}
        return {name: rows for name, rows in pairs.items() if rows is not None}


@dataclass
class _Collected:
    """Spans of one request while they are read."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    ids: list[tuple[bytes, bytes, bytes]] = field(default_factory=list)
    attempts: list[Row] = field(default_factory=list)
    runs: set[tuple[str, str, str]] = field(default_factory=set)
    resources: list[tuple[str | None, int]] = field(default_factory=list)
    services: list[tuple[str | None, int]] = field(default_factory=list)
    scopes: list[tuple[str | None, int]] = field(default_factory=list)
    rejected: int = 0


def _valid(raw: bytes, size: int) -> bool:
    return len(raw) == size and any(raw)


def _micros(nanos: int) -> int | None:
    """None for 0 (not set) and for what no clock can say."""
    return nanos // 1000 if 0 < nanos <= _MAX_NS else None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def decode_traces(body: bytes) -> Decoded:
    """An ExportTraceServiceRequest. Raises MalformedRequest."""
    try:
        request = wire.TraceRequest.FromString(body)
        found = _Collected()
        for group in request.resource_spans:
            _group(group, found)
    except DecodeError as error:
        raise MalformedRequest(f"the body is not an OTLP trace request ({error})") from error
    return _decoded(found)


def _group(group: Any, found: _Collected) -> None:
    facts, text = kv.decode_all(group.resource.attributes)
    namespace = facts.get("namespace", "default")  # Temporal's own interceptors do not say it
    before = len(found.rows)
    for scoped in group.scope_spans:
        first = len(found.rows)
        for span in scoped.spans:
            _span(span, namespace, found)
        found.scopes.append((_text(scoped.scope.name), len(found.rows) - first))
    found.resources.append((text, len(found.rows) - before))
    found.services.append((facts.get("service"), len(found.rows) - before))


def _span(span: Any, namespace: str, found: _Collected) -> None:
    trace, ident, start = span.trace_id, span.span_id, _micros(span.start)
    if start is None or not _valid(trace, 16) or not _valid(ident, 8):
        found.rejected += 1
        return
    facts, text = kv.decode_all(span.attributes)
    get = facts.get
    key = _key(facts, namespace)
    if key is not _NO_RUN:
        found.runs.add(key)
    end, events = _micros(span.end), span.events
    status, message = "unset", None
    if span.HasField("status"):
        status, message = _STATUS.get(span.status.code, "unset"), _text(span.status.message) or None
    kind = get("kind")
    found.rows.append((
        *key, _text(span.name), kind, start, end, status, message, get("activity_id"), get("attempt"), get("agent"),
        get("model"), get("input"), get("cached_input"), get("cache_write"), get("output"), get("reasoning"), text,
        _events(events) if events else None,
    ))  # fmt: skip
    found.ids.append((trace, ident, span.parent_span_id))
    if kind == c.SPAN_ATTEMPT and key is not _NO_RUN and "activity_id" in facts and "attempt" in facts:
        ids = trace.hex(), ident.hex()
        found.attempts.append(attempt_row(key, facts, ids, start, end, status == "error", message))


def _key(facts: dict[str, Any], namespace: str) -> tuple[str, str, str]:
    try:
        return facts.get("namespace", namespace), facts["workflow_id"], facts["run_id"]
    except KeyError:
        return _NO_RUN


def _events(raws: Sequence[bytes]) -> str:
    events = [wire.Event.FromString(raw) for raw in raws]
    return kv.dump(
        [{"name": _text(e.name), "time": _micros(e.time), "attributes": kv.values(e.attributes)} for e in events]
    )


def _decoded(found: _Collected) -> Decoded:
    out = Decoded(accepted=len(found.rows), rejected=found.rejected, runs={RunKey(*key) for key in found.runs})
    if found.rows:
        traces, idents, parents = zip(*found.ids, strict=True)
        received = pa.repeat(pa.scalar(time.time_ns() // 1000, pa.int64()), len(found.rows))
        out.spans = columns.table(
            _NAMES, found.rows, schema.SPANS,
            trace_id=columns.hexadecimal(traces, 16), span_id=columns.hexadecimal(idents, 8),
            parent_span_id=columns.hexadecimal(parents, 8), resource=columns.runs_of(found.resources),
            service=columns.runs_of(found.services), scope=columns.runs_of(found.scopes), received=received,
        )  # fmt: skip
    if found.attempts:
        out.span_attempts = attempts_table(found.attempts)
    return out


def decode_logs(body: bytes) -> Decoded:
    """An ExportLogsServiceRequest: started-events become attempts that have only begun, the rest is passed over."""
    out, attempts = Decoded(), []
    try:
        for group in wire.LogsRequest.FromString(body).resource_logs:
            namespace = kv.decode_all(group.resource.attributes)[0].get("namespace", "default")
            for scoped in group.scope_logs:
                out.accepted += len(scoped.logs)
                rows = (_started(record, namespace) for record in scoped.logs)
                attempts += [row for row in rows if row is not None]
    except DecodeError as error:
        raise MalformedRequest(f"the body is not an OTLP logs request ({error})") from error
    if attempts:
        out.span_attempts = attempts_table(attempts)
        out.runs = {RunKey(*row[:3]) for row in attempts}
    return out


def _started(record: Any, namespace: str) -> Row | None:
    event = c.EVENT_ATTEMPT_STARTED.encode()
    if record.event_name != event and event not in record.body:
        return None
    facts, _ = kv.decode_all(record.attributes)
    key = _key(facts, namespace)
    if key is _NO_RUN or "activity_id" not in facts or "attempt" not in facts:
        return None
    begun = _micros(record.time) or _micros(record.observed)
    facts["status"] = "running"
    return attempt_row(key, facts, (record.trace_id.hex(), record.span_id.hex()), begun, None)
