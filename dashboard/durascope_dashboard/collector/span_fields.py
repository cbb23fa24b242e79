"""What spans say outside their attributes, by column: from all their bytes at once if they are usual, else singly."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa

from durascope_dashboard.collector import columns, walking, wire
from durascope_dashboard.collector.columns import Ints
from durascope_dashboard.collector.facts import Members
from durascope_dashboard.collector.walking import Bytes, Fields


@dataclass(frozen=True)
class SpanFields:
    """Spans with a valid trace id, span id and start. ``events``: by span, its raw events, if it has any."""

    trace_id: pa.Array
    span_id: pa.Array
    parent_span_id: pa.Array
    name: pa.Array
    start: pa.Array
    end: pa.Array
    code: Ints
    message: pa.Array
    events: dict[int, list[bytes]]
    members: Members

    @classmethod
    def of_messages(cls, spans: Sequence[Any], members: Members) -> Self:
        """Of wire.Span messages that are valid."""
        return cls(
            trace_id=columns.hexadecimal([span.trace_id for span in spans], 16),
            span_id=columns.hexadecimal([span.span_id for span in spans], 8),
            parent_span_id=columns.hexadecimal([span.parent_span_id for span in spans], 8),
            name=columns.text([span.name for span in spans]),
            start=columns.micros([span.start for span in spans]),
            end=columns.micros([span.end for span in spans]),
            code=np.array([span.status.code for span in spans], np.int64),
            message=columns.text([span.status.message for span in spans]),
            events={n: list(span.events) for n, span in enumerate(spans) if span.events},
            members=members,
        )

    @classmethod
    def of_bytes(cls, spans: Sequence[bytes]) -> Self | None:
        """Of encoded spans; None if one is invalid or out of the ordinary. Raises DecodeError for a broken status."""
        fields = walking.walk(spans)
        if fields is None:
            return None
        rows = {tag: fields.of(tag) for tag in _ONCE}
        if any((np.diff(fields.owner[found]) == 0).any() for found in rows.values()):
            return None  # of a field twice the last counts, and of messages the sum: rare, and not worth doing here
        trace_id, span_id = (_ids(fields, rows[tag], size) for tag, size in _IDS.items())
        start, end = (_times(fields, rows[tag], len(spans)) for tag in (walking.START, walking.END))
        if trace_id is None or span_id is None or len(trace_id) < len(spans) or len(span_id) < len(spans):
            return None
        if not ((start > 0) & (start <= columns.MAX_NS)).all():
            return None
        parents = rows[walking.PARENT]
        parents = parents[fields.size(parents) == 8]
        parent: Bytes = np.zeros((len(spans), 8), np.uint8)
        parent[fields.owner[parents]] = fields.values(parents, 8)
        statuses, of_status = _distinct(fields, rows[walking.STATUS], len(spans))
        said = [wire.Status.FromString(raw) for raw in statuses]
        names, of_name = _distinct(fields, rows[walking.NAME], len(spans))
        return cls(
            columns.hexadecimal_of(trace_id), columns.hexadecimal_of(span_id), columns.hexadecimal_of(parent),
            columns.text(names).take(of_name), columns.micros(start), columns.micros(end),
            np.array([status.code for status in said], np.int64)[of_status.to_numpy()],
            columns.text([status.message for status in said]).take(of_status),
            _events(fields), _members(fields, len(spans)),
        )  # fmt: skip


_IDS = {walking.TRACE_ID: 16, walking.SPAN_ID: 8}
_ONCE = (*_IDS, walking.PARENT, walking.NAME, walking.START, walking.END, walking.STATUS)


def _ids(fields: Fields, rows: Ints, size: int) -> Bytes | None:
    """The ids, one a line; None if one has another length or is all zero."""
    if (fields.size(rows) != size).any():
        return None
    found = fields.values(rows, size)
    return found if found.any(axis=1).all() else None


def _times(fields: Fields, rows: Ints, spans: int) -> Any:
    nanos = np.zeros(spans, np.uint64)
    nanos[fields.owner[rows]] = np.ascontiguousarray(fields.values(rows, 8)).view("<u8").ravel()
    return nanos


def _distinct(fields: Fields, rows: Ints, spans: int) -> tuple[list[bytes], pa.Array]:
    """The distinct values of a field, and by span which; the last of them is empty: of spans without that field."""
    encoded = fields.whole.take(pa.array(rows)).dictionary_encode()
    values = [_value(raw) for raw in encoded.dictionary.to_pylist()]
    which = np.full(spans, len(values), np.int64)
    which[fields.owner[rows]] = encoded.indices.to_numpy()
    return [*values, b""], pa.array(which)


def _value(raw: bytes) -> bytes:
    """A field without its tag and length."""
    if raw[1] < 0x80:
        return raw[2:]
    return raw[3:] if raw[2] < 0x80 else raw[4:]


def _events(fields: Fields) -> dict[int, list[bytes]]:
    rows = fields.of(walking.EVENTS)
    found: dict[int, list[bytes]] = {}
    for owner, raw in zip(fields.owner[rows].tolist(), fields.whole.take(pa.array(rows)).to_pylist(), strict=True):
        found.setdefault(owner, []).append(_value(raw))
    return found


def _members(fields: Fields, spans: int) -> Members:
    rows = fields.of(walking.ATTRIBUTES)
    encoded = fields.whole.take(pa.array(rows)).dictionary_encode()
    raws = [_value(raw) for raw in encoded.dictionary.to_pylist()]
    return Members(spans, raws, encoded.indices.to_numpy().astype(np.int64), fields.owner[rows])
