"""Our encoding of spans and events says what the SDK's own would; and it has an answer to what no encoder can take."""

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import SpanKind

from durascope._safely import failures
from durascope._spans import EventFacts, SpanFacts, readable, readable_record
from durascope._wire import REPEATED_CHARS, event_request, span_request

RESOURCE = Resource({"service.name": "worker", "process.pid": 7, "tags": ("a", "b")}, "https://example.invalid/1.2")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=2 * REPEATED_CHARS)
NUMBER = st.integers(-(2**63), 2**63 - 1)
ONE = st.one_of(TEXT, st.booleans(), NUMBER, st.floats(allow_nan=False))
MANY = st.one_of(*(st.lists(each, max_size=3).map(tuple) for each in (TEXT, st.booleans(), NUMBER)))
ATTRIBUTES = st.dictionaries(TEXT.filter(bool), st.one_of(ONE, MANY), max_size=6)
TRACE, SPAN = st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1)
TIME = st.integers(0, 2**64 - 1)
SPANS = st.builds(
    SpanFacts, name=TEXT, trace=TRACE, span=SPAN, parent=st.one_of(st.just(0), SPAN), start=TIME, end=TIME,
    attributes=ATTRIBUTES, kind=st.sampled_from(SpanKind), error=st.one_of(st.none(), TEXT),
    links=st.lists(st.tuples(TRACE, SPAN), max_size=2).map(tuple), remote_parent=st.booleans(), ok=st.booleans(),
)  # fmt: skip
EVENTS = st.builds(EventFacts, name=TEXT.filter(bool), trace=TRACE, span=SPAN, time=TIME, attributes=ATTRIBUTES)


@given(st.lists(SPANS, min_size=1, max_size=4))
def test_spans_are_encoded_as_the_sdk_does(spans: list[SpanFacts]) -> None:
    """Every field, whatever is in it."""
    theirs = encode_spans([readable(each, RESOURCE) for each in spans])
    assert MessageToDict(ExportTraceServiceRequest.FromString(span_request(spans, RESOURCE))) == MessageToDict(theirs)


@given(st.lists(EVENTS, min_size=1, max_size=4))
def test_events_are_encoded_as_the_sdk_does(events: list[EventFacts]) -> None:
    """Every field, whatever is in it."""
    theirs = encode_logs([readable_record(each, RESOURCE) for each in events])
    for record in theirs.resource_logs[0].scope_logs[0].log_records:
        record.ClearField("body")  # an event has none; the SDK writes an empty one
    assert MessageToDict(ExportLogsServiceRequest.FromString(event_request(events, RESOURCE))) == MessageToDict(theirs)


@pytest.mark.parametrize("value", [True, 1, 1.0, "1"])
def test_equal_values_of_different_types_are_told_apart(value: object) -> None:
    """1, 1.0 and True are one key of a dictionary, and three values."""
    for each in (True, 1, 1.0, "1", value):
        facts = EventFacts("e", 1, 1, 1, {"x": each})  # type: ignore[dict-item]
        request = ExportLogsServiceRequest.FromString(event_request([facts], RESOURCE))
        (pair,) = request.resource_logs[0].scope_logs[0].log_records[0].attributes
        assert getattr(pair.value, pair.value.WhichOneof("value") or "") == each
        assert type(getattr(pair.value, pair.value.WhichOneof("value") or "")) is type(each)


def test_what_cannot_be_encoded_costs_itself_only() -> None:
    """Half a surrogate pair becomes a question mark; a number of 80 bits and an object are left out, and counted."""
    before = failures().get("attribute", 0)
    bad = {"text": "cut \ud83d", "big": 2**80, "thing": object(), "good": 1}
    facts = SpanFacts("n\ud83d", 1, 2, 0, 1, 2, bad, error="e\ud83d")  # type: ignore[arg-type]
    request = ExportTraceServiceRequest.FromString(span_request([facts], RESOURCE))
    (span,) = request.resource_spans[0].scope_spans[0].spans
    assert (span.name, span.status.message) == ("n?", "e?")
    assert {pair.key: pair.value.WhichOneof("value") for pair in span.attributes} == {
        "text": "string_value", "good": "int_value",
    }  # fmt: skip
    assert failures()["attribute"] == before + 2
