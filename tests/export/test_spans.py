"""A joined run becomes one complete trace; exporting it again, or over live spans, adds nothing."""

import json

import pytest

from durascope import conventions as c
from durascope import identity
from durascope.identity import AttemptKey, RunKey
from durascope_dashboard.export import otlp
from durascope_dashboard.export.selection import Row, RunRows
from durascope_dashboard.export.spans import TraceSpan, run_trace
from tests.export.fleet import RETRIED, T0, S, fleet

KEY = RunKey("default", "research-1", "run-1")
RUN_SPAN = identity.format_span_id(identity.run_span_id(KEY))


def _rows(number: int = 0, **spans: list[Row]) -> RunRows:
    return list(fleet(**spans).each())[number]


def _tree(spans: list[TraceSpan]) -> list[str]:
    """Names with depth, status and seconds."""
    depth = {span.span_id: 0 for span in spans}
    for span in spans:
        if span.parent_span_id in depth:
            depth[span.span_id] = depth[span.parent_span_id] + 1
    return [
        f"{'  ' * depth[span.span_id]}{span.name} {span.status} {(span.start - T0) // S}-{(span.end - T0) // S}"
        for span in spans
    ]


def test_history_alone_gives_the_whole_tree() -> None:
    """Run, operations and every attempt, the failed one as an error."""
    assert _tree(run_trace(_rows())) == [
        "invoke_workflow Research ok 0-20",
        "  invoke_model_activity ok 0-10",
        "    invoke_model_activity attempt 1 error 1-3",
        "    invoke_model_activity attempt 2 ok 8-10",
        "  search ok 10-14",
        "    search attempt 1 ok 11-14",
        "  timer sleep ok 14-20",
    ]


def test_ids_are_those_of_the_keys() -> None:
    """The worker computes the same ids from the same keys."""
    spans = run_trace(_rows())
    attempts = [span.span_id for span in spans if span.attributes[c.KIND] == c.SPAN_ATTEMPT]
    assert spans[0].span_id == RUN_SPAN
    assert identity.format_span_id(identity.attempt_span_id(AttemptKey(*KEY, "1", 2))) in attempts
    assert {span.trace_id for span in spans} == {identity.format_trace_id(identity.trace_id(KEY))}


def test_every_token_stands_in_the_trace_once() -> None:
    """On the successful attempt, not on its operation; the failed attempt's are unknown, so absent and not 0."""
    spans = run_trace(_rows())
    assert [span.attributes[c.GEN_AI_INPUT_TOKENS] for span in spans if c.GEN_AI_INPUT_TOKENS in span.attributes] == [
        100
    ]


def test_retry_facts_stand_on_the_failed_attempt() -> None:
    """Who dictated the delay, how long, and the HTTP status."""
    failed = next(span for span in run_trace(_rows()) if span.status == "error")
    assert failed.attributes[c.RETRY_BY] == "server"
    assert failed.attributes[c.RETRY_DELAY] == 4.0
    assert failed.attributes[c.HTTP_STATUS] == 429
    assert failed.attributes[c.QUEUED_TIME] == T0 * 1000


def test_an_open_run_gives_only_what_has_ended() -> None:
    """A span's end cannot be taken back, so a running attempt is not sent."""
    assert run_trace(_rows(1)) == []


def test_a_live_span_is_passed_on_as_it_came() -> None:
    """The worker's run span has the same id, so it replaces the made one and keeps its own attributes."""
    trace = identity.format_trace_id(identity.trace_id(KEY))
    live: Row = {
        **RETRIED, "trace_id": trace, "span_id": RUN_SPAN, "parent_span_id": None, "name": "invoke_workflow Research",
        "kind": "workflow", "start": T0, "end": T0 + 20 * S, "status": "ok", "attributes": json.dumps({"mine": True}),
        "resource": json.dumps({"service.name": "my-worker"}), "scope": "durascope",
    }  # fmt: skip
    spans = run_trace(_rows(spans=[live]))
    assert len(spans) == len(run_trace(_rows()))
    assert [(span.attributes, span.resource) for span in spans if span.span_id == RUN_SPAN] == [
        ({"mine": True}, {"service.name": "my-worker"})
    ]


def test_an_earlier_export_that_came_back_is_made_anew() -> None:
    """It says what was known then; what is known by now is sent."""
    key: Row = {**RETRIED}
    stale = [
        key | {
            "trace_id": span.trace_id, "span_id": span.span_id, "parent_span_id": span.parent_span_id, "start": T0,
            "name": "stale", "end": T0, "status": "ok", "attributes": "{}", "resource": "{}", "scope": span.scope,
        }
        for span in run_trace(_rows())
    ]  # fmt: skip
    assert run_trace(_rows(spans=stale)) == run_trace(_rows())


def test_otlp_twice_is_the_same_bytes() -> None:
    """Deterministic in content, so a receiver that upserts on the span id changes nothing."""
    first, second = (otlp.request(run_trace(_rows())).SerializeToString(deterministic=True) for _ in range(2))
    assert first == second


def test_otlp_holds_ids_times_status_and_kinds() -> None:
    """What a receiver reads back equals the spans."""
    spans = run_trace(_rows())
    message = otlp.request(spans)
    sent = [span for resource in message.resource_spans for scope in resource.scope_spans for span in scope.spans]
    assert [span.span_id.hex() for span in sent] == [span.span_id for span in spans]
    assert [span.start_time_unix_nano for span in sent] == [span.start * 1000 for span in spans]
    assert [span.status.code for span in sent].count(2) == 1
    assert {span.name for span in sent if span.kind == 3} == {
        "invoke_model_activity attempt 1", "invoke_model_activity attempt 2",
    }  # fmt: skip


def test_an_attempt_that_history_only_implies_is_there_and_says_so() -> None:
    """Its number is known, its times are not: it has no length and is marked."""
    rows = _rows()
    implied = rows.attempts[0] | {"queued": None, "started": None, "ended": None, "estimated": True, "status": "lost"}
    spans = run_trace(RunRows(rows.run, rows.operations, [implied, *rows.attempts[1:]], []))
    found = next(span for span in spans if span.attributes.get(c.ESTIMATED))
    assert (found.start, found.end, found.status, found.attributes[c.ATTEMPT]) == (T0, T0, "error", 1)


@pytest.mark.parametrize(
    ("said", "where"),
    [({c.GEN_AI_INPUT_TOKENS: 100}, "chat gpt-5"), ({}, "invoke_model_activity attempt 2")],
    ids=["stock", "ours"],
)
def test_tokens_of_an_attempt_that_never_reached_us_are_told_once(said: dict[str, int], where: str) -> None:
    """But its model span did: they stand on the latter if it tells them, as our own worker's never does."""
    attempt = identity.format_span_id(identity.attempt_span_id(AttemptKey(*KEY, "1", 2)))
    model: Row = {
        **RETRIED, "trace_id": "0" * 31 + "1", "span_id": "0" * 15 + "2", "parent_span_id": attempt, "kind": "model",
        "name": "chat gpt-5", "start": T0, "end": T0 + S, "attributes": json.dumps(said),
    }  # fmt: skip
    spans = run_trace(_rows(spans=[model]))
    assert [span.name for span in spans if c.GEN_AI_INPUT_TOKENS in span.attributes] == [where]
