"""Spans that an OpenTelemetry Collector writes to ``otel_traces`` are those that our own OTLP receiver takes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from durascope import conventions as names
from durascope_dashboard.collector.dialects import FACTS
from durascope_dashboard.collector.joiner import join_here
from durascope_dashboard.collector.otlp import decode_traces
from durascope_dashboard.store import schema
from durascope_dashboard.store.clickhouse import otel
from durascope_dashboard.store.clickhouse.client import connect
from durascope_dashboard.store.clickhouse_store import ClickHouseStore
from durascope_dashboard.store.location import ClickHouseUrl
from tests.collector.running import RunningCollector, until
from tests.collector.spans import RUN, SECOND, T0, attempt_span, pairs, request
from tests.store.otel import COLUMNS, otel_rows

ARRIVED = {"received", "seq"}
USAGE = {"input_tokens": 5, "output_tokens": 7, "input_tokens_details": {"cached_tokens": 2}}
SAID: list[dict[str, Any]] = [
    {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 7,
     "gen_ai.response.model": "gpt-5-2026", "gen_ai.request.model": "gpt-5", "gen_ai.agent.name": "Planner"},
    {"openinference.span.kind": "LLM", "llm.token_count.prompt": 5, "llm.token_count.completion": 7,
     "llm.token_count.prompt_details.cache_read": 3, "llm.model_name": "m"},
    {"span_data.type": "generation", "usage": json.dumps(USAGE)},
    {"span_data.type": "Response", "usage": json.dumps(USAGE | {"output_tokens": 0, "input_tokens": 0})},
    {"span_data.type": "handoff", "usage": "not json", "agent.name": "Writer"},
    {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0},
    {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": -5},
    {"openinference.span.kind": "CHAIN", "graph.node.id": "node"},
    {"gen_ai.operation.name": "chat", "openinference.span.kind": "AGENT", "llm.token_count.prompt": "12"},
    {"text": 'ü "q"\n\\/', "list": [1, "a", True], "yes": True, "no": False, "pi": 1.5, "bytes": b"\0\1", "empty": ""},
    {names.WORKFLOW_ID: "w", names.RUN_ID: "r"},
    {names.WORKFLOW_ID: "w"},
    {},
]  # fmt: skip
ATTEMPTS: list[dict[str, Any]] = [
    {},
    {names.OUTCOME: "error", names.ERROR_TYPE: "RateLimit", names.ERROR_MESSAGE: "slow down", names.HTTP_STATUS: 429,
     names.RETRY_DELAY: 0.25, names.RETRY_BY: "server", names.HTTP_RETRIES: 2, names.RETRY_MAX_ATTEMPTS: 4},
    {names.HTTP_STATUS: "429", names.RETRY_DELAY: "nan", names.OUTCOME: "whatever", names.IS_LOCAL: True},
    {names.GEN_AI_INPUT_TOKENS: 12, names.GEN_AI_OUTPUT_TOKENS: 3, names.GEN_AI_RESPONSE_ID: "resp_1"},
    {names.ATTEMPT: 0},
    {names.ATTEMPT: "1" * 30},
    {names.ATTEMPT: -5},
    {names.ATTEMPT: 2**31},
    {names.RETRY_MAX_ATTEMPTS: -1, names.RETRY_DELAY: -0.5},
    {names.RETRY_DELAY: "1e306", names.GEN_AI_INPUT_TOKENS: 2**63 - 1, names.GEN_AI_OUTPUT_TOKENS: 3},
    {names.RETRY_DELAY: "inf", names.RETRY_MAX_ATTEMPTS: 2**31 - 1},
    {names.ACTIVITY_ID: ""},
]  # fmt: skip


def bodies() -> Iterator[bytes]:
    """Requests of every dialect, and spans that are odd in some way."""
    for n, said in enumerate(SAID, start=1):
        span = Span(trace_id=b"\1" * 16, span_id=n.to_bytes(8, "big"), name=f"span {n}", start_time_unix_nano=T0 + n)
        span.end_time_unix_nano = span.start_time_unix_nano + n * SECOND + 999
        span.attributes.extend(pairs(said))
        yield request(span, resource={"temporal.namespace": "prod"} if n % 2 else {"service.name": ""})
    for n, more in enumerate(ATTEMPTS, start=1):
        yield request(attempt_span(activity=f"a{n}", attempt=n, more=more))
    failed = attempt_span(activity="failed", more={names.OUTCOME: ""})
    failed.status.code, failed.status.message = Status.STATUS_CODE_ERROR, "went wrong"
    failed.parent_span_id = b"\2" * 8
    event = failed.events.add(name='exception "x"', time_unix_nano=T0 + 5_000)
    event.attributes.extend(pairs({"exception.type": "Boom", "exception.escaped": "no"}))
    failed.events.add(name="second")
    begun = attempt_span(activity="begun", more={names.OUTCOME: ""})
    begun.end_time_unix_nano = 0
    yield request(failed, begun)
    ours = ExportTraceServiceRequest.FromString(request(attempt_span(activity="ours")))
    ours.resource_spans[0].scope_spans[0].scope.name = names.SCOPE_RECONSTRUCTED
    yield ours.SerializeToString()


def export(url: ClickHouseUrl, *requests: bytes) -> None:
    """Insert as the exporter does: with a connection of its own, and none of our settings."""
    client = connect(url, create=False)
    rows = [row for body in requests for row in otel_rows(body)]
    client.insert("otel_traces", rows, column_names=COLUMNS, settings={"join_use_nulls": 0})
    client.close()


def received(requests: list[bytes]) -> dict[str, list[dict[str, Any]]]:
    """What our receiver makes of them; numbers in attributes as text, as the exporter has them."""
    tables = decode_traces(*requests).tables()
    found = {name: table.to_pylist() for name, table in tables.items()}
    for row in found["spans"]:
        row["attributes"] = {name: as_text(value) for name, value in json.loads(row["attributes"]).items()}
        row["resource"] = json.loads(row["resource"])
        row["events"] = row["events"] and json.loads(row["events"])
    return found


def as_text(value: Any) -> Any:
    """Only strings and booleans keep their type."""
    return value if isinstance(value, str | bool) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def stored(store: ClickHouseStore) -> dict[str, list[dict[str, Any]]]:
    """The same out of the store."""
    found = {name: store.sql(f"SELECT * FROM {name}").to_pylist() for name in ("spans", "span_attempts")}
    for row in found["spans"]:
        row |= {name: row[name] and json.loads(row[name]) for name in ("attributes", "resource", "events")}
    return found


def test_the_same_spans_either_way_are_the_same_rows(clickhouse_url: ClickHouseUrl) -> None:
    """Every dialect, column by column; but for when they arrived."""
    requests = list(bodies())
    with ClickHouseStore(clickhouse_url) as store:
        export(clickhouse_url, *requests)
        found, expected = stored(store), received(requests)
    for table in ("spans", "span_attempts"):
        columns = [name for name in schema.TABLES[table].names if name not in ARRIVED]
        rows = [sorted(([row[name] for name in columns] for row in told[table]), key=str) for told in (found, expected)]
        assert len(rows[0]) == len(rows[1]) > 5
        for one, other in zip(*rows, strict=True):
            assert dict(zip(columns, one, strict=True)) == dict(zip(columns, other, strict=True))


def test_every_reader_of_a_dialect_has_its_sql() -> None:
    """A new kind of value must say how ClickHouse reads it, or no store could be made."""
    assert otel.facts().keys() == {fact.fact for fact in FACTS.values()} - {"usage"}


def test_spans_of_a_collector_in_between_become_runs(clickhouse_url: ClickHouseUrl) -> None:
    """Nobody sends Durascope anything: its tail sees the spans, and joins the run."""
    with RunningCollector(clickhouse_url) as running:
        export(clickhouse_url, request(*(attempt_span(attempt=n) for n in (1, 2))))
        ask = running.reader
        until(lambda: ask.query("run", workflow_id=RUN.workflow_id)["attempts"].to_pylist() == [2], "the run")
        export(clickhouse_url, request(attempt_span(attempt=2)))  # the exporter sends a batch again
        export(clickhouse_url, request(attempt_span(attempt=3)))
        until(lambda: ask.query("run", workflow_id=RUN.workflow_id)["attempts"].to_pylist() == [3], "the third")
        assert ask.query("spans", workflow_id=RUN.workflow_id).num_rows == 3
        run = ask.query("run", workflow_id=RUN.workflow_id).to_pylist()[0]
        assert (run["span_attempts"], run["duplicate_spans"]) == (3, 1)


def test_a_guardrails_verdict_is_kept(clickhouse_url: ClickHouseUrl) -> None:
    """A boolean that the exporter wrote as text decides as it does by OTLP."""
    span = attempt_span()
    del span.attributes[:]
    said = {names.KIND: names.SPAN_GUARDRAIL, names.WORKFLOW_ID: "w", names.RUN_ID: "r",
            names.GUARDRAIL_TRIGGERED: True}  # fmt: skip
    span.attributes.extend(pairs(said))
    with ClickHouseStore(clickhouse_url) as store:
        export(clickhouse_url, request(span))
        joined = join_here(store.evidence_tables([("default", "w", "r")]), T0 // 1000 + 60_000_000)
        assert joined["operations"]["status"].to_pylist() == ["error"]


@pytest.mark.parametrize("code", ["Error", "STATUS_CODE_ERROR"])
def test_status_codes_of_older_exporters_are_read(clickhouse_url: ClickHouseUrl, code: str) -> None:
    """They wrote the enum's whole name."""
    row = list(otel_rows(request(attempt_span()))[0])
    row[COLUMNS.index("StatusCode")] = code
    with ClickHouseStore(clickhouse_url) as store:
        client = connect(clickhouse_url, create=False)
        client.insert("otel_traces", [row], column_names=COLUMNS)
        client.close()
        assert store.sql("SELECT status FROM spans")["status"].to_pylist() == ["error"]
