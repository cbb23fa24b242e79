"""Attributes by column say exactly what protobuf says one by one, whatever bytes come."""

import json
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from durascope import conventions as names
from durascope_dashboard.collector import attributes, wire
from durascope_dashboard.collector.facts import Facts, Members
from durascope_dashboard.collector.otlp import decode_traces
from tests.collector.spans import any_value, attempt_span, pairs, request

KEYS = st.sampled_from([names.ATTEMPT, names.WORKER, "k", "", 'q"\n', "é" * 70, "x" * 200])
VALUES = st.one_of(
    st.text(max_size=140), st.integers(-(2**63), 2**63 - 1), st.booleans(), st.floats(), st.binary(max_size=9),
    st.lists(st.integers(0, 9), max_size=3),
)  # fmt: skip


def raw(key: str, value: Any) -> bytes:
    return KeyValue(key=key, value=any_value(value)).SerializeToString()


def told(data: bytes) -> tuple[str, str] | None:
    """Key and JSON member as protobuf reads them, None for what it refuses."""
    try:
        pair = wire.KeyValue.FromString(data)
    except DecodeError:
        return None
    key = pair.key.decode("utf-8", "replace")
    return key, f"{attributes.dump(key)}:{attributes.dump(attributes.plain(pair.value))}"


@settings(max_examples=400, deadline=None)
@given(key=KEYS, value=VALUES, spoil=st.lists(st.tuples(st.integers(0, 250), st.integers(0, 255)), max_size=3))
def test_the_short_way_reads_what_protobuf_reads(key: str, value: Any, spoil: list[tuple[int, int]]) -> None:
    """Also of bytes that were changed on the way, and again when the key is known."""
    data = bytearray(raw(key, value))
    for where, byte in spoil:
        if data:
            data[where % len(data)] = byte
    for _ in range(2):
        try:
            found = attributes.decode(bytes(data))
            assert (found.key, found.text) == told(bytes(data))
        except DecodeError:
            assert told(bytes(data)) is None
        attributes.decode(raw(key, 1))  # now the key is known


@settings(max_examples=60, deadline=None)
@given(spans=st.lists(st.lists(st.tuples(KEYS, VALUES), max_size=6), min_size=1, max_size=6))
def test_columns_are_the_rows_one_by_one(spans: list[list[tuple[str, Any]]]) -> None:
    """Of equal keys the last counts; texts are JSON objects of all of them."""
    raws = [[raw(key, value) for key, value in span] for span in spans]
    together = Facts(Members.of([item for span in raws for item in span], [len(span) for span in raws]))
    alone = [Facts(Members.of(span, [len(span)])) for span in raws]
    for name in ("attempt", "worker", "kind"):
        assert together.column(name).to_pylist() == [facts.column(name)[0].as_py() for facts in alone]
    texts = together.texts().to_pylist()
    assert texts == [facts.texts()[0].as_py() for facts in alone]
    for text, span in zip(texts, spans, strict=True):
        assert json.loads(text).keys() == {key for key, _ in span}


def test_requests_decoded_together_are_those_decoded_alone() -> None:
    """Row for row, but for the time of receipt."""
    bodies = [request(attempt_span(activity=str(i)), attempt_span(activity=str(i), attempt=2)) for i in range(4)]
    together, alone = decode_traces(*bodies), [decode_traces(body) for body in bodies]
    for table in ("spans", "span_attempts"):
        rows = [row for decoded in alone for row in decoded.tables()[table].to_pylist()]
        found = together.tables()[table].to_pylist()
        for row in (*rows, *found):
            row.pop("received", None)
        assert found == rows
    assert together.runs == set().union(*(decoded.runs for decoded in alone)) and together.accepted == 8


def test_where_dialects_disagree_the_first_named_counts() -> None:
    """gen_ai.* before OpenInference before the SDK's own map, in whatever order they stand in the span."""
    said = {
        "usage": json.dumps({"input_tokens": 3, "output_tokens": 4}),
        "llm.token_count.prompt": 2,
        names.GEN_AI_INPUT_TOKENS: 1,
    }
    for items in (list(said.items()), list(reversed(said.items()))):
        facts = Facts(Members.of([pair.SerializeToString() for pair in pairs(dict(items))], [len(items)]))
        assert (facts.column("input")[0].as_py(), facts.column("output")[0].as_py()) == (1, 4)


def test_a_key_value_that_is_none_is_an_error() -> None:
    """Which the receiver answers with 400."""
    with pytest.raises(DecodeError):
        Facts(Members.of([b"\x0a\x05ab"], [1]))
