"""Spans decoded all at once are what protobuf reads one by one, whatever bytes come."""

from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from benchmarks.load import requests
from durascope_dashboard.collector import otlp, walking
from tests.collector.spans import pairs

WORDS = st.one_of(st.text(max_size=5), st.sampled_from(["x" * 130, "é" * 9_000]))
NUMBERS = st.sampled_from([0, 1, 130, 20_000, 2**32 - 1])
_KEYS = st.sampled_from(["a", "durascope.attempt", "", "k" * 130])
ATTRIBUTES = st.dictionaries(_KEYS, WORDS | st.integers(-(2**63), 2**63 - 1), max_size=3)


def _span(draw: Any, spoiled: bool) -> Span:
    """With ``spoiled`` also one that is not valid."""
    wrong = [b"", b"u" * 9, b"\0" * 16, b"\0" * 8] if spoiled else []
    span = Span(
        trace_id=draw(st.sampled_from([b"t" * 16, b"u" * 16, b"v" * 16, b"w" * 16, *wrong])),
        span_id=draw(st.sampled_from([b"s" * 8, b"r" * 8, b"q" * 8, b"p" * 8, *wrong])),
        parent_span_id=draw(st.sampled_from([b"", b"p" * 8, b"\0" * 8, b"p" * 16])),
        name=draw(WORDS), start_time_unix_nano=draw(st.sampled_from([1, 10**18, 2**64 - 1] if spoiled else [1, 9])),
        end_time_unix_nano=draw(st.sampled_from([0, 10**18, 2**63])), trace_state=draw(WORDS),
        kind=draw(st.integers(0, 5)), flags=draw(NUMBERS), dropped_attributes_count=draw(NUMBERS),
        attributes=pairs(draw(ATTRIBUTES)),
    )  # fmt: skip
    span.status.code = draw(st.sampled_from([0, 1, 2, 7]))
    span.status.message = draw(WORDS)
    for name in draw(st.lists(WORDS, max_size=2)):
        span.events.add(name=name, time_unix_nano=5, attributes=pairs(draw(ATTRIBUTES)))
        span.links.add(trace_id=b"l" * 16, span_id=b"l" * 8)
    return span


@st.composite
def bodies(draw: Any, spoiled: bool) -> bytes:
    """A request of a few spans; ``spoiled``: with fields said twice, and bytes that changed on the way."""
    spans = []
    for _ in range(draw(st.integers(1, 4))):
        spans.append(_span(draw, spoiled))
        if spoiled and draw(st.booleans()):  # protobuf: of two spans in one the fields are merged
            spans[-1] = Span.FromString(spans[-1].SerializeToString() + _span(draw, spoiled).SerializeToString())
    group = ResourceSpans(scope_spans=[ScopeSpans(spans=spans)])
    body = bytearray(ExportTraceServiceRequest(resource_spans=[group]).SerializeToString())
    for where, byte in draw(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=3)):
        if spoiled:
            body[where % len(body)] = byte
    return bytes(body)


def _told(decode: Any, body: bytes) -> Any:
    try:
        decoded = decode([body])
    except DecodeError:
        return "malformed"
    if decoded is None:
        return None
    tables = {name: rows.to_pylist() for name, rows in decoded.tables().items()}
    for row in tables.get("spans", ()):
        row.pop("received")
    return repr(tables), decoded.runs, decoded.accepted, decoded.rejected


@pytest.mark.parametrize("spoiled", [False, True])
@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_all_at_once_is_one_by_one(spoiled: bool, data: st.DataObject) -> None:
    """Or it is left to protobuf."""
    body = data.draw(bodies(spoiled))
    found = _told(otlp._all_at_once, body)
    assert found is None or found == _told(otlp._one_by_one, body)


def test_fields_said_twice_are_left_to_protobuf() -> None:
    """Of a name the last counts, of messages the sum: a span that is written so is not guessed at."""
    one = Span(trace_id=b"t" * 16, span_id=b"s" * 8, start_time_unix_nano=1, name="first").SerializeToString()
    two = Span(name="last").SerializeToString()
    body = b"".join((b"\x0a", _sized(b"\x12" + _sized(b"\x12" + _sized(one + two)))))
    assert otlp._all_at_once([body]) is None
    decoded = otlp.decode_traces(body)
    assert decoded.spans is not None
    assert decoded.spans["name"].to_pylist() == ["last"]


def _sized(body: bytes) -> bytes:
    assert len(body) < 0x80
    return bytes([len(body)]) + body


def test_usual_spans_are_decoded_all_at_once() -> None:
    """What SDKs and the OpenTelemetry Collector send: with flags, links, events and long texts."""
    span = Span(
        trace_id=b"t" * 16, span_id=b"s" * 8, name="n" * 200, start_time_unix_nano=1, end_time_unix_nano=2, flags=257,
        kind=Span.SPAN_KIND_CLIENT, trace_state="a=b", attributes=pairs({"prompt": "p" * 100_000}),
        dropped_events_count=300,
    )  # fmt: skip
    span.events.add(name="e", time_unix_nano=3)
    span.links.add(trace_id=b"l" * 16)
    group = ResourceSpans(scope_spans=[ScopeSpans(spans=[span])])
    own = ExportTraceServiceRequest(resource_spans=[group]).SerializeToString()
    body, _ = next(requests(100))
    for one in (own, body):
        found = _told(otlp._all_at_once, one)
        assert found is not None
        assert found == _told(otlp._one_by_one, one)


def test_a_span_of_very_many_fields_is_left_to_protobuf() -> None:
    """A step is taken for each field of the longest span: one span must not make thousands."""
    span = Span(
        trace_id=b"t" * 16, span_id=b"s" * 8, start_time_unix_nano=1, attributes=pairs({str(n): n for n in range(900)})
    )
    assert walking.walk([span.SerializeToString()]) is None
    assert walking.walk([b""]) is not None
