"""The paragraph on top of a run: computed sentences, each true of its rows."""

from typing import Any

from durascope_dashboard.analysis.explain import explain
from durascope_dashboard.analysis.join import Joined
from durascope_dashboard.analysis.rows import one, plain
from tests.analysis.facts import joined, operation, run, told
from tests.analysis.runs import act, frames, timer, whole

STATS = {"workflow_type": "W", "runs": 214, "duration_ms": 20_000.0}
MODEL: dict[str, Any] = {"kind": "model", "name": "invoke_model_activity", "agent": "planner", "model": "gpt-5"}


def text(result: Joined, stats: dict[str, Any] | None = None) -> str:
    found = frames(result)
    return explain(found.run, found.operations, found.attempts, stats).text


def test_a_slow_run_is_explained_by_its_backoff() -> None:
    """The example that the page promises: ratio, share, cause, who asked for the wait, what it cost."""
    tries = ((2.0, 2.0, 4.0), (24.0, 24.0, 25.0), (45.0, 45.0, 50.0))
    slow = act("2", 2, 50, tries, kind="tool", name="search", error_type="RateLimitError", http_status=429,
               retry_by="server", retry_delay_ms=20_000.0)  # fmt: skip
    assert text(whole(act("1", 0, 2), slow, closed=50), STATS) == (
        "Took 50.0 s, 2.5x its type's median (20.0 s over 214 runs). "
        "80 % was backoff of `search` (429 from the provider, 3 attempts, server asked 20.0 s each). "
        "16 % was tools at work (most of it `search`). "
        "If the retries of `search` had not happened the run would have ended 43.0 s earlier."
    )


def test_an_ordinary_run_is_said_to_be_ordinary() -> None:
    """No trouble, no words about it; a median of few runs is no median."""
    result = whole(act("1", 0, 20, **MODEL), closed=20)
    usual = (
        "Took 20.0 s, as is usual for its type (median 20.0 s). 100 % was model time (mostly a model call of `planner`)"
    )
    assert text(result, STATS).startswith(usual)
    assert text(result, STATS | {"runs": 2}).startswith("Took 20.0 s. ")
    assert text(result).startswith("Took 20.0 s. ")


def test_wasted_and_unknown_tokens_are_named_apart() -> None:
    """Waste is what is known to be wasted; attempts nobody counted are said to come on top."""
    ok: dict[str, Any] = {"tokens_input": 80, "tokens_output": 20}
    result = joined(
        history_runs=[run(30)],
        history_operations=[operation(closed=30, attempts=3, **MODEL)],
        span_attempts=[
            told(1, "timeout", queued=0, started=0, ended=9, **ok, model="gpt-5"),
            told(2, "error", queued=10, started=10, ended=19),
            told(3, queued=20, started=20, ended=30, **ok, model="gpt-5"),
        ],
    )
    said = text(result)
    assert "50 % of tokens were wasted (100 tokens, $0.0003); 1 attempt more used tokens that nobody counted." in said


def test_a_failed_run_names_its_cause() -> None:
    """The operation that failed last, in how many attempts, with the first line of its error."""
    failed = operation(closed=9, status="error", attempts=2, name="charge", error_type="CardDeclined",
                       error_message="declined\nsecond line", max_attempts=2)  # fmt: skip
    tries = [told(1, "error", queued=0, started=0, ended=2), told(2, "error", queued=3, started=3, ended=9)]
    result = joined(history_runs=[run(10, status="failed")], history_operations=[failed], span_attempts=tries)
    assert text(result).startswith("Failed after 10.0 s. `charge` failed in all 2 attempts: CardDeclined: declined.")


def test_an_open_run_says_what_it_waits_for() -> None:
    """Retrying now: which attempt of how many, after which error."""
    result = joined(
        now=6,
        history_runs=[run(closed=None)],
        history_operations=[operation(name="search", max_attempts=5)],
        observations=[
            told(2, "error", started=2, ended=4, error_type="RateLimit", retry_delay_ms=5000.0),
            told(3, "pending", next_retry=9, max_attempts=5),
        ],
    )
    said = text(result)
    assert said.startswith(
        "Has been running for 6.00 s. Now `search` waits for its next retry (attempt 3 of 5) after RateLimit."
    )  # one sentence
    waiting = whole(act("1", 0, 2), closed=None, now=9, others=[timer("pause", 2, None)])
    assert "Now it waits for a timer." in text(waiting)


def test_history_alone_is_admitted() -> None:
    """Times that nobody saw are called estimates."""
    result = joined(
        history_runs=[run(closed=10)],
        history_operations=[operation(closed=9, attempts=3)],
        history_attempts=[told(3, started=8, ended=9)],
    )
    assert text(result).endswith("All of this is from history alone: times of failed attempts are estimates.")


def test_rows_of_the_command_line_explain_the_same_as_frames() -> None:
    """Lists of plain dictionaries and pandas frames are the same to it."""
    found = frames(whole(act("1", 0, 2), act("2", 2, 18, ((2, 2, 4), (14, 14, 18)), name="search"), closed=20))
    operations, attempts = (
        [{str(k): plain(v) for k, v in row.items()} for row in table.to_dict("records")]
        for table in (found.operations, found.attempts)
    )
    said = explain(one(found.run), operations, attempts)
    assert said == explain(found.run, found.operations, found.attempts) and len(said.sentences) > 1
