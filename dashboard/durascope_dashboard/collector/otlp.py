"""OTLP requests as rows of the store: pure, no I/O. Spans, attempts that attempt spans tell, attempts that only began.

bodies --(wire.py)--> spans, one after another --(facts.py)--> columns --> Arrow

Requests that wait together are decoded together: what a batch costs is then shared, and small ones cost little.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf.message import DecodeError

from durascope import conventions as c
from durascope.identity import RunKey
from durascope_dashboard.clock import micros_now
from durascope_dashboard.collector import attributes as kv
from durascope_dashboard.collector import columns, wire
from durascope_dashboard.collector.attempts import attempts_table, run_columns
from durascope_dashboard.collector.columns import Ints
from durascope_dashboard.collector.facts import Facts, Members
from durascope_dashboard.collector.span_fields import SpanFields
from durascope_dashboard.store import schema

MAX_MESSAGES: Final = 100_000  # of requests decoded together: a message may be two bytes, and still be kept in memory
_STATUS: Final = pa.array(["unset", "ok", "error"])
_EVENT: Final = c.EVENT_ATTEMPT_STARTED.encode()
_NO_TRACE, _NO_SPAN = b"\0" * 16, b"\0" * 8
_TOKENS: Final = {
    "input_tokens": "input", "cached_input_tokens": "cached_input", "cache_write_tokens": "cache_write",
    "output_tokens": "output", "reasoning_tokens": "reasoning",
}  # fmt: skip


class MalformedRequest(ValueError):
    """The body is no OTLP request of that signal."""


@dataclass
class Decoded:
    """Rows of some requests, and the runs they tell of."""

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
class _Rows:
    """Spans or log records while they are gathered, and what is said of all of a resource or scope."""

    messages: list[Any] = field(default_factory=list)
    resources: list[tuple[str | None, int]] = field(default_factory=list)
    services: list[tuple[str | None, int]] = field(default_factory=list)
    namespaces: list[tuple[str | None, int]] = field(default_factory=list)
    scopes: list[tuple[str | None, int]] = field(default_factory=list)
    rejected: int = 0
    _count: int = 0

    def counted(self, found: Sequence[Any]) -> Sequence[Any]:
        """The same, resources, scopes, spans, records or events, if all of them together are not too many.

        Raises MalformedRequest before one of them is looked at.
        """
        self._count += len(found)
        if self._count > MAX_MESSAGES:
            raise MalformedRequest(
                f"there are more than {MAX_MESSAGES:,} resources, scopes, spans, records and events in the request; "
                "send smaller batches"
            )
        return found

    def members(self) -> Members:
        """The attributes of the messages."""
        found = [message.attributes for message in self.messages]
        return Members.of([raw for attributes in found for raw in attributes], [len(item) for item in found])

    def group(
        self, resource: Any, scoped: Sequence[Any], part: str, valid: Callable[[Any], bool] | None = None
    ) -> None:
        """Add the valid messages, which each scope has as ``part``, of one resource."""
        facts, text = kv.member_text(resource.attributes)
        before = len(self.messages)
        for each in self.counted(scoped):
            messages, first = self.counted(getattr(each, part)), len(self.messages)
            self.messages.extend(messages if valid is None else filter(valid, messages))
            self.rejected += first + len(messages) - len(self.messages)
            self.scopes.append((each.scope.name.decode("utf-8", "replace"), len(self.messages) - first))
        count = len(self.messages) - before
        self.resources.append((text, count))
        self.services.append((facts.get("service"), count))
        # Temporal's own interceptors do not say the namespace.
        self.namespaces.append((facts.get("namespace", "default"), count))


def _valid_span(span: Any) -> bool:
    trace, ident = span.trace_id, span.span_id
    return (
        len(trace) == 16 and len(ident) == 8 and trace != _NO_TRACE and ident != _NO_SPAN
        and 0 < span.start <= columns.MAX_NS
    )  # fmt: skip


def _is_start(record: Any) -> bool:
    return bool(record.event_name == _EVENT or _EVENT in record.body)


def decode_traces(*bodies: bytes) -> Decoded:
    """ExportTraceServiceRequests. Raises MalformedRequest if one of them is none."""
    try:
        return _all_at_once(bodies) or _one_by_one(bodies)
    except DecodeError as error:
        raise MalformedRequest(f"the body is not an OTLP trace request ({error})") from error


def _all_at_once(bodies: Sequence[bytes]) -> Decoded | None:
    """None if a span is invalid or unusual, or if there is none."""
    rows = _Rows()
    for body in bodies:
        for group in rows.counted(wire.EncodedTraceRequest.FromString(body).resource_spans):
            rows.group(group.resource, group.scope_spans, "spans")
    fields = SpanFields.of_bytes(rows.messages) if rows.messages else None
    return None if fields is None else _spans(rows, fields)


def _one_by_one(bodies: Sequence[bytes]) -> Decoded:
    rows = _Rows()
    for body in bodies:
        for group in rows.counted(wire.TraceRequest.FromString(body).resource_spans):
            rows.group(group.resource, group.scope_spans, "spans", _valid_span)
    if not rows.messages:
        return Decoded(rejected=rows.rejected)
    return _spans(rows, SpanFields.of_messages(rows.messages, rows.members()))


def _spans(rows: _Rows, fields: SpanFields) -> Decoded:
    facts, count = Facts(fields.members), len(rows.messages)
    keys = run_columns(facts, columns.repeated(rows.namespaces))
    codes = np.where((fields.code < 0) | (fields.code > 2), 0, fields.code)
    messages, events = fields.message, {row: _events(rows.counted(raws)) for row, raws in fields.events.items()}
    made = keys | {
        "trace_id": fields.trace_id, "span_id": fields.span_id, "parent_span_id": fields.parent_span_id,
        "name": fields.name, "start": fields.start, "end": fields.end,
        "status": _STATUS.take(pa.array(codes)),
        "status_message": pc.if_else(pc.equal(messages, ""), pa.scalar(None, pa.string()), messages),
        "service": columns.repeated(rows.services), "scope": columns.repeated(rows.scopes),
        "resource": columns.repeated(rows.resources), "attributes": facts.texts(),
        "events": pa.array(map(events.get, range(count)), pa.string()) if events else pa.nulls(count, pa.string()),
        "received": pa.repeat(pa.scalar(micros_now(), pa.int64()), count),
    }  # fmt: skip
    made |= {name: facts.column(name) for name in ("kind", "activity_id", "attempt", "agent", "model")}
    made |= {name: facts.column(fact) for name, fact in _TOKENS.items()}
    told = made | {
        "failed": pa.array(codes == 2), "message": made["status_message"], "begun_only": made["end"].is_null()
    }  # fmt: skip
    wanted = pc.fill_null(pc.equal(made["kind"], c.SPAN_ATTEMPT), False)
    # Our own export may come back to us by way of a collector; what it was made from is known already.
    wanted = pc.and_(wanted, pc.fill_null(pc.not_equal(made["scope"], c.SCOPE_RECONSTRUCTED), True))
    return Decoded(
        spans=columns.table(made, schema.SPANS),
        span_attempts=attempts_table(facts, told, wanted),
        runs=_runs(keys), accepted=count, rejected=rows.rejected,
    )  # fmt: skip


def _runs(keys: Mapping[str, pa.Array]) -> set[RunKey]:
    """Distinct run keys, found by number and not by name."""
    cells: Ints = np.zeros(len(keys["run_id"]), np.int64)
    for name in schema.RUN_KEY:
        encoded = keys[name].dictionary_encode()
        cells = cells * len(encoded.dictionary) + encoded.indices.to_numpy()
    rows = pa.array(np.unique(cells, return_index=True)[1])
    named = zip(*(keys[name].take(rows).to_pylist() for name in schema.RUN_KEY), strict=True)
    return {RunKey(*key) for key in named if key[2]}


def _events(raws: Sequence[bytes]) -> str:
    events = [wire.Event.FromString(raw) for raw in raws]
    texts = [(event, event.name.decode("utf-8", "replace")) for event in events]
    return kv.dump(
        [{"name": name, "time": _micros(e.time), "attributes": kv.values(e.attributes)} for e, name in texts]
    )


def _micros(nanos: int) -> int | None:
    return nanos // 1000 if 0 < nanos <= columns.MAX_NS else None


def decode_logs(*bodies: bytes) -> Decoded:
    """ExportLogsServiceRequests: started-events become attempts that have only begun, the rest is passed over."""
    rows = _Rows()
    try:
        for body in bodies:
            for group in rows.counted(wire.LogsRequest.FromString(body).resource_logs):
                rows.group(group.resource, group.scope_logs, "logs", _is_start)
        accepted = len(rows.messages) + rows.rejected
        return _started(rows, accepted) if rows.messages else Decoded(accepted=accepted)
    except DecodeError as error:
        raise MalformedRequest(f"the body is not an OTLP logs request ({error})") from error


def _started(rows: _Rows, accepted: int) -> Decoded:
    facts, records = Facts(rows.members()), rows.messages
    count = len(records)
    keys = run_columns(facts, columns.repeated(rows.namespaces))
    told = keys | {
        "trace_id": columns.hexadecimal([record.trace_id for record in records], 16),
        "span_id": columns.hexadecimal([record.span_id for record in records], 8),
        "start": columns.micros([record.time or record.observed for record in records]),
        "end": pa.nulls(count, pa.int64()), "message": pa.nulls(count, pa.string()),
        "failed": pa.array(np.zeros(count, np.bool_)), "begun_only": pa.array(np.ones(count, np.bool_)),
    }  # fmt: skip
    found = attempts_table(facts, told, pa.array(np.ones(count, np.bool_)))
    if found is None:
        return Decoded(accepted=accepted)
    runs = _runs({name: found[name].combine_chunks() for name in schema.RUN_KEY})
    status = found.schema.get_field_index("status")
    running = found.set_column(status, found.schema.field(status), pa.repeat("running", found.num_rows))
    return Decoded(span_attempts=running, runs=runs, accepted=accepted)
