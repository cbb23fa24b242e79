"""The fleet's metrics from a real store: right counts, one ledger, valid OpenMetrics, counters that never fall."""

import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prometheus_client.openmetrics import parser

from durascope_dashboard.export.counters import Ratchet
from durascope_dashboard.export.families import Family, Sample, Type
from durascope_dashboard.export.health import health_families
from durascope_dashboard.export.metrics import fleet_families
from durascope_dashboard.export.metrics_endpoint import MetricsEndpoint
from durascope_dashboard.export.openmetrics import text
from durascope_dashboard.export.selection import Selection
from durascope_dashboard.local_reader import LocalReader
from durascope_dashboard.store.duckdb_store import DuckStore
from tests.export.conftest import RunningCollector
from tests.export.fleet import OPEN, T0, S, operation, run

parse: Any = parser.text_string_to_metric_families  # untyped in its package


def _values(reader: LocalReader, name: str, *labels: str) -> dict[tuple[str, ...], float]:
    """Samples of the exposition as a strict parser reads them."""
    exposition = text(fleet_families(reader, T0 + 60 * S))
    families = parse(exposition)
    return {
        tuple(sample.labels[label] for label in labels): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name
    }


def test_attempts_are_counted_by_outcome(reader: LocalReader) -> None:
    """The failed one apart; the running one not yet."""
    found = _values(reader, "durascope_fleet_attempts_total", "kind", "status")
    assert found == {("model", "error"): 1, ("model", "ok"): 1, ("tool", "ok"): 1}
    assert sum(_values(reader, "durascope_fleet_retries_total", "kind", "status").values()) == 1


def test_unknown_tokens_are_counted_as_attempts(reader: LocalReader) -> None:
    """The failed model call: not 0 tokens, but one attempt of which nobody knows."""
    assert _values(reader, "durascope_fleet_attempts_unknown_tokens_total", "model") == {("gpt-5",): 1}


def test_tokens_are_useful_or_wasted(reader: LocalReader) -> None:
    """Each token once; cached input is part of input."""
    found = _values(reader, "durascope_fleet_tokens_total", "type", "use")
    assert found[("input", "useful")] == 100 and found[("cached_input", "useful")] == 40
    assert found[("input", "wasted")] == 0


def test_histograms_reach_days_and_hold_every_attempt(reader: LocalReader) -> None:
    """Queue waits of 1 s each, the last finite bucket a week."""
    found = _values(reader, "durascope_fleet_attempt_queue_time_seconds_bucket", "kind", "le")
    assert found[("model", "0.5")] == 0
    assert found[("model", "1.0")] == found[("model", "604800.0")] == found[("model", "+Inf")] == 2


def test_a_closed_run_leaves_its_trace_as_exemplar(reader: LocalReader) -> None:
    """From a bucket of the duration straight to the trace."""
    exposition = text(fleet_families(reader, T0 + 60 * S))
    marked = [line for line in exposition.splitlines() if " # {" in line]
    assert len(marked) == 1 and 'le="30.0"' in marked[0] and 'trace_id="' in marked[0]


def test_open_runs_are_gauges(reader: LocalReader) -> None:
    """One open run, a minute old."""
    assert _values(reader, "durascope_fleet_open_runs", "waiting") == {("nothing",): 1}
    assert _values(reader, "durascope_fleet_open_run_age_seconds", "waiting") == {("nothing",): 60}


def test_open_attempts_tell_for_how_long(reader: LocalReader) -> None:
    """One runs since second 2: what a stuck worker looks like."""
    assert _values(reader, "durascope_fleet_open_attempts", "kind", "status") == {("tool", "running"): 1}
    assert _values(reader, "durascope_fleet_open_attempt_age_seconds", "task_queue") == {("agents",): 58}


def test_a_run_that_only_a_workflow_task_can_move_tells_for_how_long(tmp_path: Path) -> None:
    """Nobody polls for its workflow tasks, or they fail: it stands still since its last operation closed."""
    still = {**OPEN, "workflow_id": "research-3", "run_id": "run-3"}
    store = DuckStore(tmp_path / "idle.duckdb")
    done = operation(still, "activity:1", "tool", "search", 1, 5)
    stuck = Selection.of(runs=[run(still, status="running", closed=None)], operations=[done])
    store.append("runs", stuck.runs)
    store.append("operations", stuck.operations)
    reader = LocalReader(store)
    assert _values(reader, "durascope_fleet_open_run_idle_seconds", "task_queue") == {("agents",): 55}
    reader.close()


def test_what_has_just_ended_is_not_counted_yet(reader: LocalReader) -> None:
    """The other source may still bring its build or its error, and a counter cannot change its labels."""
    families = {family.name: family for family in fleet_families(reader, T0 + 16 * S)}
    assert sum(sample.value for sample in families["durascope.fleet.attempts"].samples) == 1
    assert families["durascope.fleet.runs"].samples == []


def test_a_first_attempt_has_no_backoff(reader: LocalReader) -> None:
    """One of 4 s for the second attempt, and not one of 0 for each first."""
    found = _values(reader, "durascope_fleet_attempt_backoff_time_seconds_count", "kind")
    assert found == {("model",): 1, ("tool",): 0}


def test_an_empty_store_is_a_valid_exposition(tmp_path: Path) -> None:
    """No sample, no error."""
    reader = LocalReader(DuckStore(tmp_path / "empty.duckdb"))
    families = list(parse(MetricsEndpoint(reader).text()))
    reader.close()
    assert {family.name for family in families} >= {"durascope_fleet_runs", "durascope_collector_ready"}


def _counter(value: float | None) -> list[Family]:
    samples = [] if value is None else [Sample({"a": "b"}, value)]
    return [Family("x", Type.COUNTER, "", "", samples)]


def test_counters_never_fall() -> None:
    """What retention removes stays counted, also when a series vanishes and comes back."""
    ratchet = Ratchet(newborn_s=0)
    said = [ratchet.raised(_counter(v))[0].samples[0].value for v in (5, 7, 4, 6, None, 1)]
    assert said == [5, 7, 7, 9, 9, 10]


def test_histograms_never_fall_either() -> None:
    """Sum, count and every bucket."""
    ratchet = Ratchet(newborn_s=0)

    def told(sample: Sample) -> Sample:
        return ratchet.raised([Family("h", Type.HISTOGRAM, "", "s", [sample], (1.0,))])[0].samples[0]

    told(Sample({}, 6.0, 3, (2,)))
    assert told(Sample({}, 2.0, 1, (1,))) == Sample({}, 6.0, 3, (2,))
    assert told(Sample({}, 3.0, 2, (2,))) == Sample({}, 7.0, 4, (3,))


def test_a_new_series_is_born_at_zero() -> None:
    """So that increase() sees its first event; what was there at the first scrape is no news."""
    clock = [0.0]
    ratchet = Ratchet(newborn_s=20.0, clock=lambda: clock[0])
    old, new = Sample({"is": "old"}, 5.0), Sample({"is": "new"}, 3.0)
    said = []
    for now, samples in ((0.0, [old]), (10.0, [old, new]), (29.0, [old, new]), (31.0, [old, new])):
        clock[0] = now
        family = ratchet.raised([Family("x", Type.COUNTER, "", "", samples)])[0]
        said.append([sample.value for sample in family.samples])
    assert said == [[5], [5, 0], [5, 0], [5, 3]]


def test_the_collector_tells_of_itself() -> None:
    """Lag by source, what came in and what went wrong; nothing of what it does not know."""
    health = {"status": "ready", "history": {"state": "running", "lag_s": 1.5, "gone": 2, "throttled": 3},
              "ingest_lag_s": 0.25, "spans": 7, "refused": 1}  # fmt: skip
    found = {
        family.name: {(*s.labels.values(),): s.value for s in family.samples} for family in health_families(health)
    }
    assert found == {
        "durascope.collector.ready": {(): 1}, "durascope.collector.following": {(): 1},
        "durascope.collector.lag": {("history",): 1.5, ("ingest",): 0.25},
        "durascope.collector.received": {("spans",): 7},
        "durascope.collector.trouble": {("gone",): 2, ("throttled",): 3, ("refused",): 1},
    }  # fmt: skip


def test_the_collector_serves_metrics(start_collector: Callable[[], RunningCollector]) -> None:
    """GET /metrics on its HTTP port, in the format that it names."""
    with urllib.request.urlopen(f"{start_collector().url('http/protobuf')}/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
        families = {family.name: family for family in parse(answer.read().decode())}
    assert families["durascope_collector_ready"].samples[0].value == 1


def test_names_hostile_to_the_format_survive() -> None:
    """Quotes, backslashes and line breaks in a label value."""
    family = Family("x", Type.GAUGE, 'a "quoted" help', "", [Sample({"name": 'a"b\\c\nd'}, 1.5)])
    (parsed,) = parse(text([family]))
    assert parsed.samples[0].labels == {"name": 'a"b\\c\nd'}
