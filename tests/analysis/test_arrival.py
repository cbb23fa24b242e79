"""In whatever order and however often evidence arrives at a real store, the joined result is the same."""

from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from durascope_dashboard.analysis.frames import to_arrow
from durascope_dashboard.analysis.join import Joined, join
from durascope_dashboard.store.duckdb_store import DuckStore
from durascope_dashboard.store.keys import run_keys_table
from tests.analysis.facts import at, frame, operation, run, told
from tests.analysis.test_properties import activities
from tests.store.rows import evidence_of

KEY = ("default", "w", "r")
TELEMETRY = ("spans", "span_attempts")
HISTORY = ("history_runs", "history_operations", "history_attempts")
Rows = list[dict[str, Any]]
Part = tuple[str, dict[str, Rows]]
"""What arrives at once: "history" replaces all that history said of the run, "telemetry" is upserted."""


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[Part], list[Part]]:
    """A finished run as it would arrive in order, and the same parts as they did: mixed, repeated, history late."""
    found = [draw(activities(str(i))) for i in range(draw(st.integers(1, 3)))]
    end = max(facts["closed"] for facts, _, _ in found)
    early = {
        "history_runs": [run(None)],
        "history_operations": [operation(f["activity_id"], f["scheduled"]) for f, _, _ in found],
    }
    whole = {
        "history_runs": [run(end)],
        "history_operations": [facts for facts, _, _ in found],
        "history_attempts": [row for _, rows, _ in found for row in rows],
    }
    attempts = [row for _, _, rows in found for row in rows]
    begun = [
        told(row["attempt"], "running", row["activity_id"], started=row["started"], begun_only=True) for row in attempts
    ]
    telemetry: list[Part] = [("telemetry", {"span_attempts": [row]}) for row in [*begun, *attempts]]
    telemetry += [("telemetry", {"spans": [_span(number, row)]}) for number, row in enumerate(attempts)]
    history: list[Part] = [("history", early), ("history", whole)]
    again = draw(st.lists(st.sampled_from(telemetry), max_size=4))
    mixed = draw(st.permutations([*telemetry, *again]))
    for part in history:  # Temporal is read in order; telemetry falls anywhere between
        mixed.insert(draw(st.integers(_after_history(mixed), len(mixed))), part)
    return [*history, *telemetry], mixed


def _after_history(parts: list[Part]) -> int:
    return max((i + 1 for i, (source, _) in enumerate(parts) if source == "history"), default=0)


def _span(number: int, attempt: dict[str, Any]) -> dict[str, Any]:
    return {"trace_id": "t", "span_id": str(number), "kind": "attempt", "name": "a", "start": attempt["started"],
            "end": attempt["ended"], "status": "ok", "activity_id": attempt["activity_id"],
            "attempt": attempt["attempt"], "seq": number}  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckStore]:
    """A real store; every example starts with it empty."""
    with DuckStore(tmp_path_factory.mktemp("store") / "runs.duckdb") as opened:
        yield opened


def stored(store: DuckStore, parts: list[Part]) -> Joined:
    """The parts written one after the other, then joined from what the store kept."""
    store.replace(run_keys_table([KEY]), {name: to_arrow(frame(name), name) for name in (*HISTORY, *TELEMETRY)})
    for source, tables in parts:
        written = {name: to_arrow(frame(name, *rows), name) for name, rows in tables.items()}
        if source == "history":
            store.replace(run_keys_table([KEY]), {name: to_arrow(frame(name), name) for name in HISTORY} | written)
        else:
            store.write(written)
    return join(evidence_of(store, KEY), at(200))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(parts=arrivals())
def test_order_and_repetition_of_arrival_change_nothing(store: DuckStore, parts: tuple[list[Part], list[Part]]) -> None:
    """Late history, late telemetry, a started-event after its span, repeated exports: one result."""
    expected, found = stored(store, parts[0]), stored(store, parts[1])
    for name in ("runs", "operations", "attempts"):
        tables = [getattr(result, name) for result in (expected, found)]
        keys = [column for column in ("operation_id", "attempt") if column in tables[0]]
        left, right = (
            (table.sort_values(keys) if keys else table)
            .drop(columns=["duplicate_spans"], errors="ignore")
            .reset_index(drop=True)
            for table in tables
        )
        pd.testing.assert_frame_equal(left, right)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(parts=arrivals())
def test_what_came_twice_is_counted_and_nothing_else(store: DuckStore, parts: tuple[list[Part], list[Part]]) -> None:
    """Repeated spans are the only trace that repetition leaves."""
    result = stored(store, parts[1])
    spans = [row["span_id"] for source, tables in parts[1] for row in tables.get("spans", [])]
    assert result.runs["duplicate_spans"].tolist() == [len(spans) - len(set(spans))]
    assert not result.attempts["estimated"].any() and result.runs["orphan_spans"].tolist() == [0]
