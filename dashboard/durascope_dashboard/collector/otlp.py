"""OTLP requests as rows of the store: pure, no I/O. Spans, attempts that attempt spans tell, attempts that only began.

body -> wire.TraceRequest -> per span: attributes -> dialects -> columns -> Arrow
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
from google.protobuf.message import DecodeError

from durascope import conventions as names
from durascope.identity import RunKey
from durascope_dashboard.collector import attributes as kv
from durascope_dashboard.collector import dialects, wire
from durascope_dashboard.collector.attempts import attempt_row
from durascope_dashboard.store import schema

_STATUS: Final = {0: "unset", 1: "ok", 2: "error"}
_MAX_NS: Final = 2**63 - 1
# Columns of `spans` that the writer fills in.
_SPAN_COLUMNS: Final = tuple(name for name in schema.SPANS.names if name != "seq")


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
    reason: str = ""

    def tables(self) -> dict[str, pa.Table]:
        """What there is to write, by table."""
        pairs = {"spans": self.spans, "span_attempts": self.span_attempts}
        return {name: rows for name, rows in pairs.items() if rows is not None}


def _hex(raw: bytes, size: int) -> str | None:
    return raw.hex() if len(raw) == size and any(raw) else None


def _micros(nanos: int) -> int | None:
    """None for 0 (not set) and for what no clock can say."""
    return nanos // 1000 if 0 < nanos <= _MAX_NS else None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _events(raws: Sequence[bytes]) -> str | None:
    if not raws:
        return None
    found = []
    for raw in raws:
        event = wire.Event.FromString(raw)
        found.append(
            {"name": _text(event.name), "time": _micros(event.time), "attributes": kv.members(event.attributes)[0]}
        )
    return kv.dump(found)


def _table(columns: Sequence[str], rows: list[tuple[Any, ...]], of: pa.Schema) -> pa.Table:
    arrays = [
        pa.array(values, of.field(name).type) for name, values in zip(columns, zip(*rows, strict=True), strict=True)
    ]
    return pa.Table.from_arrays(arrays, names=list(columns))


def decode_traces(body: bytes) -> Decoded:
    """An ExportTraceServiceRequest. Raises MalformedRequest."""
    try:
        return _traces(wire.TraceRequest.FromString(body))
    except DecodeError as error:
        raise MalformedRequest(f"the body is not an OTLP trace request ({error})") from error


def _traces(request: Any) -> Decoded:
    received = time.time_ns() // 1000
    out = Decoded()
    spans: list[tuple[Any, ...]] = []
    attempts: list[dict[str, Any]] = []
    for group in request.resource_spans:
        resource, resource_text = kv.members(group.resource.attributes)
        service = dialects.text(resource.get("service.name"))
        for scoped in group.scope_spans:
            scope = _text(scoped.scope.name)
            for span in scoped.spans:
                row, attempt = _span(span, resource, (service, scope), resource_text, received)
                if row is None:
                    out.rejected += 1
                    continue
                spans.append(row)
                if row[1]:
                    out.runs.add(RunKey(*row[:3]))
                if attempt is not None:
                    attempts.append(attempt)
    return _finished(out, spans, attempts)


def _finished(out: Decoded, spans: list[tuple[Any, ...]], attempts: list[dict[str, Any]]) -> Decoded:
    out.accepted = len(spans)
    if out.rejected:
        out.reason = f"{out.rejected} span(s) without a valid trace id, span id and start time were not stored"
    if spans:
        out.spans = _table(_SPAN_COLUMNS, spans, schema.SPANS)
    if attempts:
        out.span_attempts = pa.Table.from_pylist(attempts, schema=schema.SPAN_ATTEMPTS)
    return out


def _span(
    span: Any, resource: dict[str, Any], origin: tuple[str | None, str], resource_text: str, received: int
) -> tuple[tuple[Any, ...] | None, dict[str, Any] | None]:
    trace, ident, start = _hex(span.trace_id, 16), _hex(span.span_id, 8), _micros(span.start)
    if trace is None or ident is None or start is None:
        return None, None
    attributes, text = kv.members(span.attributes)
    key = dialects.run_key(attributes, resource)
    kind = dialects.kind(attributes)
    tokens = dialects.tokens(attributes)
    status = _STATUS.get(span.status.code, "unset")
    message = _text(span.status.message) or None
    end, parent = _micros(span.end), _hex(span.parent_span_id, 8)
    activity = dialects.text(attributes.get(names.ACTIVITY_ID))
    number = dialects.integer(attributes.get(names.ATTEMPT))
    row = (
        *key, trace, ident, parent, _text(span.name), kind, start, end, status, message, activity, number,
        dialects.agent(attributes), dialects.model(attributes), tokens[0], tokens[1], tokens[4], tokens[2], tokens[3],
        *origin, text, _events(span.events), resource_text, received,
    )  # fmt: skip
    attempt = None
    if kind == names.SPAN_ATTEMPT and key[1] and activity and number:
        times = (start, end)
        attempt = attempt_row(key, activity, number, attributes, tokens, times=times, status=status, message=message)
        attempt |= {"trace_id": trace, "span_id": ident, "begun_only": False}
        attempt["parent_span_id"] = attempt["parent_span_id"] or parent
    return row, attempt


def decode_logs(body: bytes) -> Decoded:
    """An ExportLogsServiceRequest: started-events become attempts that have only begun, the rest is passed over."""
    try:
        return _logs(wire.LogsRequest.FromString(body))
    except DecodeError as error:
        raise MalformedRequest(f"the body is not an OTLP logs request ({error})") from error


def _logs(request: Any) -> Decoded:
    out = Decoded()
    attempts: list[dict[str, Any]] = []
    for group in request.resource_logs:
        resource, _ = kv.members(group.resource.attributes)
        for scoped in group.scope_logs:
            for record in scoped.logs:
                out.accepted += 1
                row = _started(record, resource)
                if row is not None:
                    attempts.append(row)
                    out.runs.add(RunKey(row["namespace"], row["workflow_id"], row["run_id"]))
    if attempts:
        out.span_attempts = pa.Table.from_pylist(attempts, schema=schema.SPAN_ATTEMPTS)
    return out


def _started(record: Any, resource: dict[str, Any]) -> dict[str, Any] | None:
    if (
        _text(record.event_name) != names.EVENT_ATTEMPT_STARTED
        and names.EVENT_ATTEMPT_STARTED.encode() not in record.body
    ):
        return None
    attributes, _ = kv.members(record.attributes)
    key = dialects.run_key(attributes, resource)
    activity = dialects.text(attributes.get(names.ACTIVITY_ID))
    number = dialects.integer(attributes.get(names.ATTEMPT))
    if not key[1] or not activity or not number:
        return None
    times = (_micros(record.time) or _micros(record.observed), None)
    row = attempt_row(key, activity, number, attributes, (None,) * 5, times=times, status="unset", message=None)
    trace, span = _hex(record.trace_id, 16), _hex(record.span_id, 8)
    return row | {"trace_id": trace, "span_id": span, "begun_only": True, "status": "running"}
