"""OTLP requests become rows: identity, dialects, attempts, and what is refused."""

import json
import math
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from durascope import conventions as names
from durascope_dashboard.collector import otlp
from durascope_dashboard.collector.otlp import MalformedRequest, decode_logs, decode_traces
from durascope_dashboard.store import schema
from tests.collector.spans import RUN, SECOND, T0, attempt_span, pairs, request, started_event


def plain_span(attributes: dict[str, Any], **more: Any) -> Span:
    fields: dict[str, Any] = {"trace_id": b"\1" * 16, "span_id": b"\2" * 8, "start_time_unix_nano": T0} | more
    return Span(attributes=pairs(attributes), **fields)


def row(*spans: Span, **more: Any) -> dict[str, Any]:
    decoded = decode_traces(request(*spans, **more))
    assert decoded.spans is not None
    found: dict[str, Any] = decoded.spans.to_pylist()[0]
    return found


def test_an_attempt_span_tells_an_attempt() -> None:
    """Identity, the server's times in microseconds, tokens; max attempts 0 means unlimited, which is null."""
    usage = {names.GEN_AI_INPUT_TOKENS: 120, names.GEN_AI_OUTPUT_TOKENS: 30, names.GEN_AI_CACHE_READ_TOKENS: 100}
    decoded = decode_traces(request(attempt_span(attempt=2, more=usage)))
    assert decoded.span_attempts is not None
    attempt = decoded.span_attempts.to_pylist()[0]
    told = {key: value for key, value in attempt.items() if value is not None}
    micros = T0 // 1000
    assert told.pop("trace_id") and told.pop("span_id")
    assert told == {
        "namespace": "default", "workflow_id": "order-1", "run_id": "run-1", "activity_id": "1", "attempt": 2,
        "status": "ok", "source": "span", "queued": micros + 2_000_000, "started": micros + 2_005_000,
        "ended": micros + 3_010_000, "worker": "4711@host", "model": "gpt-5-mini",
        "tokens_input": 120, "tokens_cached_input": 100, "tokens_output": 30, "estimated": False, "skew_ms": 5.0,
        "activity_type": "invoke_model_activity", "operation_kind": "model", "scheduled": micros,
        "is_local": False, "begun_only": False,
    }  # fmt: skip
    assert decoded.runs == {RUN}


def test_columns_are_those_of_the_schema() -> None:
    """All but ``seq``, which the writer counts, in the schema's order and types."""
    decoded = decode_traces(request(attempt_span()))
    assert decoded.spans is not None and decoded.span_attempts is not None
    assert decoded.spans.schema == schema.SPANS.remove(schema.SPANS.get_field_index("seq"))
    assert decoded.span_attempts.schema == schema.SPAN_ATTEMPTS


@pytest.mark.parametrize(
    ("attributes", "kind", "tokens"),
    [
        ({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 7},
         "model", (5, None, 7)),
        ({"openinference.span.kind": "LLM", "llm.token_count.prompt": 5, "llm.token_count.completion": 7,
          "llm.token_count.prompt_details.cache_read": 3}, "model", (5, 3, 7)),
        ({"span_data.type": "generation",
          "usage": json.dumps({"input_tokens": 5, "output_tokens": 7, "input_tokens_details": {"cached_tokens": 2}})},
         "model", (5, 2, 7)),
        ({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0},
         "model", (None, None, None)),
        ({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": -5}, "model", (None, None, None)),
        ({"openinference.span.kind": "CHAIN"}, "custom", (None, None, None)),
        ({}, None, (None, None, None)),
    ],
)  # fmt: skip
def test_three_dialects(attributes: dict[str, Any], kind: str | None, tokens: tuple[int | None, ...]) -> None:
    """gen_ai.*, OpenInference and the Agents SDK's own say the same; all zeroes is a provider that said nothing."""
    found = row(plain_span(attributes))
    assert found["kind"] == kind
    assert (found["input_tokens"], found["cached_input_tokens"], found["output_tokens"]) == tokens


def test_attributes_stay_whole() -> None:
    """Every value type survives as JSON; of a key that is said twice the last counts; NaN is no JSON number."""
    values = {"text": 'ü "q"\n', "list": [1, "a", True], "yes": True, "pi": 1.5, "bytes": b"\0\1", "nan": math.nan}
    span = plain_span(values)
    span.attributes.extend(pairs({"text": "last"}))
    assert json.loads(row(span)["attributes"]) == {
        "text": "last", "list": [1, "a", True], "yes": True, "pi": 1.5, "bytes": "AAE=", "nan": "nan",
    }  # fmt: skip


def test_stock_temporal_spans_get_a_namespace() -> None:
    """Temporal's own interceptors name workflow and run only: the resource says the namespace, else ``default``."""
    said = {names.WORKFLOW_ID: "w", names.RUN_ID: "r"}
    assert row(plain_span(said))["namespace"] == "default"
    assert row(plain_span(said), resource={"temporal.namespace": "prod"})["namespace"] == "prod"
    assert row(plain_span({names.WORKFLOW_ID: "w"}))["workflow_id"] == ""


@pytest.mark.parametrize("depth", ["resources", "scopes", "spans", "events"])
def test_more_messages_than_anyone_sends_are_not_looked_at(monkeypatch: pytest.MonkeyPatch, depth: str) -> None:
    """An empty one takes two bytes, which compress to nothing, and would take a thousand times that in memory."""
    monkeypatch.setattr(otlp, "MAX_MESSAGES", 50)
    counts = dict.fromkeys(("resources", "scopes", "spans", "events"), 1)

    def body(count: int) -> bytes:
        many = counts | {depth: count}
        span = plain_span({})
        span.events.extend([Span.Event()] * many["events"])
        scope = ScopeSpans(spans=[span] * many["spans"])
        group = ResourceSpans(scope_spans=[scope] * many["scopes"])
        return ExportTraceServiceRequest(resource_spans=[group] * many["resources"]).SerializeToString()

    assert decode_traces(body(10)).accepted == (1 if depth == "events" else 10)
    with pytest.raises(MalformedRequest, match="more than 50 resources, scopes, spans"):
        decode_traces(body(51))


def test_invalid_spans_are_refused_one_by_one() -> None:
    """A span without ids or start is counted as rejected; its neighbours are stored."""
    decoded = decode_traces(
        request(
            attempt_span(),
            plain_span({}, trace_id=b"\0" * 16),
            plain_span({}, span_id=b"\1"),
            plain_span({}, start_time_unix_nano=0),
            plain_span({}, start_time_unix_nano=2**64 - 1),
        )
    )
    assert (decoded.accepted, decoded.rejected) == (1, 4)
    assert "4 span(s)" in decoded.reason


def test_odd_values_never_break_a_batch() -> None:
    """Attempt numbers as text, huge integers and invalid UTF-8 are read or unknown, never an error."""
    span = attempt_span(more={names.HTTP_STATUS: "429", names.RETRY_DELAY: "nan", names.OUTCOME: "whatever"})
    body = request(span).replace(b"4711@host", b"4711@\xff\xfe\xfd\xfc")
    decoded = decode_traces(body)
    assert decoded.span_attempts is not None
    attempt = decoded.span_attempts.to_pylist()[0]
    assert (attempt["http_status"], attempt["retry_delay_ms"], attempt["status"]) == (429, None, "ok")
    assert decode_traces(request(attempt_span(more={names.ATTEMPT: "1" * 30}))).span_attempts is None


def test_a_started_event_is_an_attempt_that_has_only_begun() -> None:
    """It runs, has no end, and names its run as changed."""
    decoded = decode_logs(started_event())
    assert decoded.span_attempts is not None
    attempt = decoded.span_attempts.to_pylist()[0]
    assert (attempt["begun_only"], attempt["status"], attempt["ended"]) == (True, "running", None)
    assert attempt["started"] == (T0 + SECOND + 5_000_000) // 1000
    assert decoded.runs == {RUN}


@pytest.mark.parametrize("decode", [decode_traces, decode_logs])
def test_garbage_is_malformed(decode: Any) -> None:
    """What is no protobuf of that shape is refused as a whole."""
    with pytest.raises(MalformedRequest, match="not an OTLP"):
        decode(b"\xff\xff\xff")
