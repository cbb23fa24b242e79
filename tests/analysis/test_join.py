"""What the join makes of the sources, case by case."""

from typing import Any

import pytest

from tests.analysis.facts import joined, operation, rows, run, told

TIMES = ("attempt", "status", "queue_ms", "run_ms", "backoff_ms")


def test_no_evidence_joins_to_nothing() -> None:
    """An empty store is three empty tables."""
    result = joined()
    assert (len(result.runs), len(result.operations), len(result.attempts)) == (0, 0, 0)


def test_retried_activity_seen_by_the_worker() -> None:
    """Two failures and a success: history has the last, spans all; every wait is known and sums to the elapsed time."""
    result = joined(
        history_runs=[run(closed=10)],
        history_operations=[operation(closed=9, attempts=3)],
        history_attempts=[told(3, started=8, ended=9, source="history")],
        span_attempts=[
            told(1, "error", queued=0, started=1, ended=2, error_type="E", retry_delay_ms=1000.0, retry_by="policy"),
            told(2, "error", queued=3, started=3.5, ended=5, error_type="E", retry_delay_ms=2000.0, retry_by="server"),
            told(3, queued=7, started=8, ended=9),
        ],
    )
    assert rows(result.attempts, *TIMES, "source", "estimated") == [
        (1, "error", 1000.0, 1000.0, 0.0, "both", False),
        (2, "error", 500.0, 1500.0, 1000.0, "both", False),
        (3, "ok", 1000.0, 1000.0, 2000.0, "both", False),
    ]
    assert rows(result.operations, "status", "attempts", "queue_ms", "run_ms", "backoff_ms") == [
        ("ok", 3, 2500.0, 3500.0, 3000.0)
    ]
    assert rows(result.runs, "attempts", "retries", "failed_attempts", "history_attempts", "span_attempts",
                "reconstructed", "orphan_spans", "time_activity_ms", "time_queue_ms", "time_backoff_ms",
                "time_unexplained_ms", "duration_ms") == [
        (3, 2, 2, 3, 3, 0, 0, 3500.0, 2500.0, 3000.0, 1000.0, 10000.0)
    ]  # fmt: skip


def test_history_alone_is_honest_about_middle_attempts() -> None:
    """Without spans the attempts before the last are listed, estimated and without times; policy tells the backoff."""
    result = joined(
        history_runs=[run(closed=10)],
        history_operations=[operation(closed=9, attempts=3)],
        history_attempts=[told(2, "error", error_type="E", estimated=True), told(3, started=8, ended=9)],
    )
    assert rows(result.attempts, *TIMES, "source", "estimated", "started") == [
        (1, "error", None, None, 0.0, "history", True, None),
        (2, "error", None, None, None, "history", True, None),
        (3, "ok", None, 1000.0, None, "history", False, 8.0),
    ]
    assert rows(result.runs, "time_backoff_ms", "time_activity_ms", "time_unexplained_ms", "reconstructed",
                "history_attempts", "span_attempts") == [(3000.0, 1000.0, 6000.0, 3, 3, 0)]  # fmt: skip


def test_a_start_without_an_end_is_lost_even_where_history_says_timeout() -> None:
    """The worker vanished in attempt 1: the server calls it a timeout, the evidence says lost; its end is exact."""
    result = joined(
        history_runs=[run(closed=10)],
        history_operations=[operation(closed=9, attempts=2)],
        history_attempts=[told(1, "timeout", estimated=True, error_type="TimeoutError"), told(2, started=7, ended=9)],
        span_attempts=[told(1, "running", started=1, begun_only=True), told(2, queued=6, started=7, ended=9)],
    )
    assert rows(result.attempts, *TIMES, "ended", "estimated") == [
        (1, "lost", 1000.0, 4000.0, 0.0, 5.0, False),
        (2, "ok", 1000.0, 2000.0, 1000.0, 9.0, False),
    ]


def test_history_overrules_a_span_that_ended_ok_too_late() -> None:
    """The attempt finished after its timeout: the server did not take it, so it is a timeout, and waste."""
    tokens: dict[str, Any] = {"tokens_input": 100, "tokens_cached_input": 0, "tokens_output": 10, "tokens_reasoning": 0}
    result = joined(
        history_runs=[run(closed=10)],
        history_operations=[operation(closed=9, attempts=2, kind="model", model="gpt-5")],
        history_attempts=[told(2, started=7, ended=9, **tokens)],
        span_attempts=[
            told(1, started=1, ended=6.5, queued=0, **tokens),
            told(2, queued=6, started=7, ended=9, **tokens),
        ],
    )
    assert rows(result.attempts, "attempt", "status", "useful", "ended", "skew_ms") == [
        (1, "timeout", False, 6.0, None),
        (2, "ok", True, 9.0, 0.0),
    ]
    assert rows(result.runs, "billed_input", "useful_input", "wasted_input", "unknown_attempts") == [(200, 100, 100, 0)]


def test_a_late_worker_clock_is_clamped_and_its_skew_kept() -> None:
    """A failed attempt that ends after the server queued the next one is cut there; the rest is skew."""
    result = joined(
        history_runs=[run(closed=10)],
        history_operations=[operation(closed=9, attempts=2)],
        history_attempts=[told(2, started=4, ended=9)],
        span_attempts=[told(1, "error", queued=0, started=1, ended=8), told(2, queued=3, started=4, ended=14)],
    )
    assert rows(result.attempts, *TIMES, "skew_ms") == [
        (1, "error", 1000.0, 2000.0, 0.0, 5000.0),
        (2, "ok", 1000.0, 5000.0, 0.0, 5000.0),
    ]


def test_open_run_shows_running_and_pending_attempts() -> None:
    """Describe's pending activity in backoff: attempt 2 failed, attempt 3 is due; the wait so far is backoff."""
    result = joined(
        now=6,
        history_runs=[run(closed=None)],
        history_operations=[operation()],
        observations=[
            told(2, "error", started=2, ended=4, error_type="RateLimit", retry_delay_ms=5000.0),
            told(3, "pending", next_retry=9, max_attempts=5),
        ],
    )
    assert rows(result.attempts, "attempt", "status", "queued", "started", "ended", "estimated", "next_retry") == [
        (1, "error", 0.0, None, None, True, None),
        (2, "error", None, 2.0, 4.0, False, None),
        (3, "pending", 9.0, None, None, False, 9.0),
    ]
    assert rows(result.operations, "status", "attempts", "max_attempts") == [("pending", 3, None)]
    assert rows(result.runs, "status", "closed", "duration_ms", "time_backoff_ms", "waiting_for", "current_attempt",
                "next_retry", "last_error_type") == [
        ("running", None, 6000.0, 3000.0, "retry", 3, 9.0, "RateLimit")
    ]  # fmt: skip


def test_what_an_open_run_does_is_named_as_a_person_would() -> None:
    """A model call by its agent, since they all have the activity's name; the operation with retries first."""
    model: dict[str, Any] = {"kind": "model", "name": "invoke_model_activity", "agent": "Planner"}
    result = joined(
        now=6,
        history_runs=[run(closed=None)],
        history_operations=[operation("1", name="search"), operation("2", **model)],
        observations=[told(2, "running", "2", started=2)],
    )
    assert rows(result.runs, "current_operation", "current_attempt", "waiting_for") == [
        ("Planner's model call", 2, None)
    ]


def test_spans_alone_make_a_run() -> None:
    """Before any history: the workflow span and attempt spans are enough for the run, its operations and attempts."""
    span = {"trace_id": "t", "span_id": "a", "kind": "workflow", "name": "invoke_workflow W", "start": 0, "end": 10,
            "status": "ok", "attributes": '{"durascope.workflow_type": "W"}', "seq": 1}  # fmt: skip
    result = joined(
        spans=[span],
        span_attempts=[told(1, queued=0, started=1, ended=2, scheduled=0, activity_type="invoke_model_activity",
                            tokens_input=5, tokens_output=1, model="gpt-5")],
    )  # fmt: skip
    assert rows(result.runs, "workflow_type", "status", "closed", "from_history", "billed_input") == [
        ("W", "completed", 10.0, False, 5)
    ]
    assert rows(result.operations, "kind", "status", "source", "closed") == [("model", "ok", "span", 2.0)]


def test_in_workflow_tool_is_an_operation_unless_an_activity_hangs_below() -> None:
    """A function tool that ran in the workflow has no activity; one that called an activity is that activity."""
    base = {"trace_id": "t", "kind": "tool", "start": 1, "end": 2, "status": "ok", "seq": 1}
    result = joined(
        history_runs=[run()],
        history_operations=[operation(closed=9, parent_span_id="b")],
        history_attempts=[told(1, started=1, ended=9)],
        spans=[
            {**base, "span_id": "a", "name": "calculator", "agent": "helper"},
            {**base, "span_id": "b", "name": "search", "agent": "finder"},
        ],
    )
    assert rows(result.operations, "operation_id", "kind", "name", "agent") == [
        ("activity:1", "tool", "act", "finder"),
        ("span:a", "tool", "calculator", "helper"),
    ]


def test_terminated_run_cuts_off_what_was_open() -> None:
    """An attempt in flight when the run was terminated is lost; one never started is cancelled."""
    result = joined(
        history_runs=[run(closed=10, status="terminated")],
        history_operations=[operation("1"), operation("2")],
        span_attempts=[told(1, "running", activity="1", started=1, begun_only=True)],
    )
    assert rows(result.operations, "operation_id", "status") == [("activity:1", "lost"), ("activity:2", "cancelled")]
    assert rows(result.attempts, "activity_id", "status") == [("1", "lost"), ("2", "cancelled")]


def test_duplicates_and_orphans_are_counted_not_joined_twice() -> None:
    """A span received twice is one span; a parent that nobody can derive makes an orphan in a closed run only."""
    span = {"trace_id": "t", "span_id": "a", "kind": "custom", "name": "step", "start": 1, "end": 2, "status": "ok"}
    spans = [{**span, "seq": 1}, {**span, "seq": 2}, {**span, "span_id": "b", "parent_span_id": "gone", "seq": 3}]
    closed = joined(history_runs=[run()], spans=spans)
    assert rows(closed.runs, "duplicate_spans", "orphan_spans") == [(1, 1)]
    still_open = joined(history_runs=[run(closed=None)], spans=spans)
    assert rows(still_open.runs, "duplicate_spans", "orphan_spans") == [(1, 0)]


def test_unknown_usage_is_counted_as_attempts_and_unpriced_models_are_named() -> None:
    """A failed model call without usage is unknown, never 0; a model without a price has cost null."""
    result = joined(
        history_runs=[run()],
        history_operations=[operation(closed=9, attempts=2, kind="model", model="scripted-1")],
        history_attempts=[told(2, started=7, ended=9, tokens_input=100, tokens_output=10)],
        span_attempts=[told(1, "error", queued=0, started=1, ended=3, http_status=429)],
    )
    assert rows(result.runs, "billed_input", "wasted_input", "unknown_attempts", "cost_billed", "unpriced_models") == [
        (100, 0, 1, None, '["scripted-1"]')
    ]


def test_endless_retry_has_bounded_rows_and_exact_counts() -> None:
    """A million attempts that nobody saw are counted, not listed."""
    result = joined(
        history_runs=[run(closed=10)],
        history_operations=[operation(closed=9, attempts=1_000_000)],
        history_attempts=[told(1_000_000, started=8, ended=9)],
    )
    assert len(result.attempts) == 1001
    assert rows(result.runs, "attempts", "retries", "failed_attempts", "reconstructed") == [
        (1_000_000, 999_999, 999_999, 1_000_000)
    ]


def test_runs_do_not_mix() -> None:
    """Same activity ids in two runs stay apart; each run's time sums to its own duration."""
    other: dict[str, Any] = {"run_id": "s"}
    result = joined(
        history_runs=[run(closed=10), run(closed=20, **other)],
        history_operations=[operation(closed=9), operation(closed=5, **other)],
        history_attempts=[told(1, started=1, ended=9), told(1, started=2, ended=5, **other)],
    )
    assert rows(result.runs, "run_id", "duration_ms", "time_activity_ms", "time_queue_ms") == [
        ("r", 10000.0, 8000.0, 1000.0),
        ("s", 20000.0, 3000.0, 2000.0),
    ]


@pytest.mark.parametrize("number", [-5, 0, 2**31, 2**63 - 1])
def test_an_attempt_with_an_impossible_number_is_no_attempt(number: int) -> None:
    """It is no row, and none of the run that is joined beside it."""
    operations = [operation("1", 0.0, 9.0), operation("1", 0.0, 9.0, run_id="s")]
    hostile = told(number, "ok", run_id="s", started=1.0, ended=2.0)
    result = joined(
        history_runs=[run(9.0), run(9.0, run_id="s")],
        history_operations=operations,
        span_attempts=[told(1, "ok", started=1.0, ended=2.0), hostile],
        observations=[hostile],
    )
    assert rows(result.runs, "run_id", "attempts") == [("r", 1), ("s", 1)]


def test_counts_that_no_call_can_have_are_unknown() -> None:
    """Tokens, delays and times out of all range are null, and nothing that is added up is infinite."""
    absurd = told(1, "error", tokens_input=2**63 - 1, tokens_output=7, retry_delay_ms=1e306, started=1.0, ended=2.0)
    result = joined(history_runs=[run(9.0)], history_operations=[operation(kind="model")], span_attempts=[absurd])
    assert rows(result.attempts, "tokens_input", "tokens_output", "retry_delay_ms") == [(None, None, None)]
    assert rows(result.runs, "billed_input", "unknown_attempts") == [(0, 1)]


def test_a_kind_that_nobody_knows_is_not_taken_from_a_span() -> None:
    """The activity is one all the same."""
    odd = told(1, "ok", started=1.0, ended=2.0, operation_kind="telepathy", activity_type="guess")
    assert rows(joined(span_attempts=[odd]).operations, "kind", "name") == [("activity", "guess")]
