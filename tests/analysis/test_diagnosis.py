"""What the doctor makes of what it sees, check by check."""

from typing import Any

import pytest

from durascope_dashboard.analysis import diagnosis
from durascope_dashboard.analysis.diagnosis import Finding, Level


def run(queue: str = "q", history: int = 4, seen: int = 4, **more: Any) -> dict[str, Any]:
    return {"workflow_id": "w", "task_queue": queue, "history_attempts": history, "span_attempts": seen,
            "reconstructed": history - seen, "orphan_spans": 0, "unknown_attempts": 0,
            "billed_input": 1, "unpriced_models": "[]", **more}  # fmt: skip


READY = {"status": "ready", "ingest_lag_s": 0.1, "refused": 0, "failed_commits": 0, "rollup_errors": 0,
         "history": {"state": "running", "lag_s": 0.2, "open_runs": 3}}  # fmt: skip


def levels(findings: list[Finding]) -> list[str]:
    return [finding.level.value for finding in findings]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ["ok", "ok"]),
        ({"status": "starting"}, ["failed", "ok"]),
        ({"refused": 3}, ["warning", "ok"]),
        ({"ingest_lag_s": 60}, ["warning", "ok"]),
        ({"history": {"state": "off"}}, ["ok", "warning"]),
        ({"history": {"state": "down", "error": "gone"}}, ["ok", "failed"]),
        ({"history": {"state": "running", "error": "no namespace x"}}, ["ok", "failed"]),
        ({"history": {"state": "running", "lag_s": 60.0, "open_runs": 3}}, ["ok", "warning"]),
    ],
)
def test_the_collector_is_judged_by_its_health(change: dict[str, Any], expected: list[str]) -> None:
    """Losses and lag are warnings; not ready, or without Temporal, is a failure."""
    assert levels(diagnosis.collector(READY | change)) == expected


def test_a_queue_without_the_plugin_is_told_from_lost_spans() -> None:
    """A queue of which nothing was ever seen lacks the plugin; some missing everywhere are lost."""
    (good,) = diagnosis.coverage([run(), run()])
    assert (good.level, good.found) == (Level.OK, "8 of 8 attempts of 2 closed runs were seen by workers")
    (without,) = diagnosis.coverage([run(), run("plain", 4, 0)])
    assert "none on task queue plain" in without.found and "DurascopePlugin()" in without.next_step
    (lost,) = diagnosis.coverage([run(), run("q", 4, 2)])
    assert lost.level is Level.WARNING and "OTEL_TRACES_SAMPLER" in lost.next_step
    assert lost.found.endswith("were seen by workers; 2 not, of w")
    assert levels(diagnosis.coverage([])) == ["unknown"]
    assert levels(diagnosis.coverage([run(orphan_spans=2)])) == ["ok", "warning"]


def test_two_sources_of_tokens_overlap() -> None:
    """Spans without tokens do no harm."""
    own = {"scope": "durascope", "service": "w", "spans": 9, "with_tokens": 9}
    other = {"scope": "openinference.instrumentation.openai_agents", "service": "w", "spans": 9, "with_tokens": 4}
    assert diagnosis.sources([own, other | {"with_tokens": 0}]).level is Level.OK
    found = diagnosis.sources([own, other])
    assert found.level is Level.WARNING and "openinference" in found.found


def test_dark_usage_and_missing_prices_are_named() -> None:
    """Runs with model calls but no token at all; models that nobody prices."""
    assert levels(diagnosis.tokens([run()])) == ["ok"]
    (some,) = diagnosis.tokens([run(unknown_attempts=2), run(unknown_attempts=1)])
    assert some.level is Level.OK and "3 attempts" in some.found and "is not" in some.found
    found = diagnosis.tokens([run(unknown_attempts=3, billed_input=0), run(unpriced_models='["house-1"]')])
    assert ["codec" in f.next_step or "house-1" in f.found for f in found] == [True, True]


def test_clocks_and_builds() -> None:
    """The furthest worker is named; two builds on one queue are worth a word."""
    near = {"worker": "a", "task_queue": "q", "build_id": "1", "skew_p50_ms": -20.0}
    far = {"worker": "b", "task_queue": "q", "build_id": "2", "skew_p50_ms": -3000.0}
    assert diagnosis.clocks([near]).level is Level.OK
    assert diagnosis.clocks([near, far]).found.endswith(": b")
    assert diagnosis.clocks([near | {"skew_p50_ms": None}]).level is Level.UNKNOWN
    assert "q (1, 2)" in diagnosis.builds([near, far])[0].found and diagnosis.builds([near]) == []


def test_deserted_and_slow_task_queues() -> None:
    """Nobody polls what an open run waits for: failed. Somebody polls, but tasks wait long: warning."""
    row = {"task_queue": "q", "kind": "activity", "pollers": 2, "backlog": 0, "backlog_age_ms": 0}
    assert diagnosis.queues([row], ["q"]).level is Level.OK
    deserted = diagnosis.queues([row | {"pollers": 0}], ["q"])
    assert (deserted.level, deserted.found) == (Level.FAILED, "nobody polls q")
    assert diagnosis.queues([row | {"pollers": 0}], []).level is Level.OK
    assert diagnosis.queues([row | {"pollers": 0, "backlog": 7}], []).found == "nobody polls q (7 activity tasks)"
    assert diagnosis.queues([row | {"backlog": 7, "backlog_age_ms": 20_000}], []).level is Level.WARNING


def test_settings_that_lose_spans() -> None:
    """Sampling, a switched-off SDK, another exporter."""
    assert levels(diagnosis.environment({})) == ["ok"]
    assert levels(diagnosis.environment({"OTEL_SDK_DISABLED": "true"})) == ["failed"]
    (found,) = diagnosis.environment({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"})
    assert found.found == "OTEL_TRACES_SAMPLER=traceidratio (0.1)"
    assert levels(diagnosis.environment({"OTEL_TRACES_EXPORTER": "none"})) == ["warning"]


def test_the_worst_decides_and_what_could_not_be_looked_at_does_not_count() -> None:
    """ok < warning < failed."""
    made = [Finding("a", level, "") for level in (Level.UNKNOWN, Level.OK, Level.WARNING)]
    assert diagnosis.worst(made) is Level.WARNING and diagnosis.worst(made[:1]) is Level.OK
    assert diagnosis.worst([*made, Finding("b", Level.FAILED, "")]) is Level.FAILED
