"""What holds of the join for every run, found by generating runs that no one would write down."""

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import HealthCheck, given, settings

from durascope_dashboard.analysis.attribution import CLASSES, RANK, Intervals, attribute
from durascope_dashboard.analysis.join import Evidence, join
from durascope_dashboard.store.schema import ATTEMPT_KEY, RUN_KEY, TABLES, TIME_CLASSES
from tests.analysis.facts import at, frame, joined, operation, run, told

Rows = list[dict[str, Any]]
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
durations = st.integers(0, 30_000_000).map(lambda micros: micros / 1_000_000)
failures = st.sampled_from(["error", "timeout"])


@st.composite
def activities(draw: st.DrawFn, name: str) -> tuple[dict[str, Any], Rows, Rows]:
    """An activity that ran to its end, all attempts seen: its operation, history's attempts, the worker's attempts."""
    scheduled = draw(durations)
    count = draw(st.integers(1, 4))
    now, spans = scheduled, []
    kind = draw(st.sampled_from(["model", "tool", "activity"]))
    for attempt in range(1, count + 1):
        queued = now
        started = queued + draw(durations)
        ended = started + draw(durations)
        last = attempt == count
        status = draw(st.sampled_from(["ok", "error"])) if last else draw(failures)
        tokens = draw(st.none() | st.integers(0, 1000))
        spans.append(
            told(attempt, status, name, queued=queued, started=started, ended=ended, tokens_input=tokens,
                 tokens_output=tokens, model="gpt-5")
        )  # fmt: skip
        now = ended + draw(durations)
    final = spans[-1]
    history = [{**final, "queued": None}]
    facts = operation(name, scheduled, final["ended"], attempts=count, kind=kind, status=final["status"])
    return facts, history, spans


@quick
@given(st.data())
def test_every_moment_of_a_fully_seen_operation_is_queue_run_or_backoff(data: st.DataObject) -> None:
    """queue + run + backoff is the elapsed time to the microsecond, for each operation; and the ledger balances."""
    found = [data.draw(activities(str(i))) for i in range(data.draw(st.integers(1, 4)))]
    end = max(facts["closed"] for facts, _, _ in found)
    result = joined(
        history_runs=[run(closed=end)],
        history_operations=[facts for facts, _, _ in found],
        history_attempts=[row for _, rows, _ in found for row in rows],
        span_attempts=[row for _, _, rows in found for row in rows],
    )
    ops = result.operations
    waits = ops["queue_ms"] + ops["run_ms"] + ops["backoff_ms"]
    assert np.allclose(waits.astype(float), (ops["closed"] - ops["scheduled"]).astype(float) / 1000, atol=1e-6)
    assert not result.attempts["estimated"].any()
    balanced(result.runs)
    whole = result.runs.iloc[0]
    assert (whole["history_attempts"], whole["reconstructed"], whole["orphan_spans"]) == (len(result.attempts), 0, 0)


def balanced(runs: pd.DataFrame) -> None:
    """Time classes sum to the duration, billed is useful + wasted, nothing is negative."""
    total = sum(runs[f"time_{name}_ms"].astype(float) for name in TIME_CLASSES)
    assert np.allclose(np.asarray(total), runs["duration_ms"].astype(float), atol=1e-6)
    assert all((runs[f"time_{name}_ms"] >= 0).all() for name in TIME_CLASSES)
    for kind in ("input", "cached_input", "output", "reasoning"):
        assert (runs[f"billed_{kind}"] == runs[f"useful_{kind}"] + runs[f"wasted_{kind}"]).all()
        assert (runs[f"wasted_{kind}"] >= 0).all()


moments = st.none() | st.integers(-5, 60).map(float)
statuses = st.sampled_from(["ok", "error", "timeout", "cancelled", "lost", "running", "pending"])


@st.composite
def chaos(draw: st.DrawFn, run_id: str) -> dict[str, Rows]:
    """Any evidence at all of one run: contradictory, out of order, with holes."""

    def attempt_rows(**more: Any) -> Rows:
        keys = draw(st.sets(st.tuples(st.sampled_from("ab"), st.integers(1, 5)), max_size=5))
        return [
            told(n, draw(statuses), name, run_id=run_id, queued=draw(moments), started=draw(moments),
                 ended=draw(moments), estimated=draw(st.booleans()), tokens_input=draw(st.none() | st.integers(0, 9)),
                 retry_delay_ms=draw(st.none() | st.just(500.0)), skew_ms=draw(st.none() | st.just(3.0)),
                 **{key: draw(value) for key, value in more.items()})
            for name, n in sorted(keys)
        ]  # fmt: skip

    operations = [
        operation(name, draw(st.integers(0, 30)), draw(moments), run_id=run_id, status=draw(statuses),
                  attempts=draw(st.integers(0, 5)), kind=draw(st.sampled_from(["model", "tool", "local_activity"])))
        for name in draw(st.sets(st.sampled_from("abc")))
    ]  # fmt: skip
    spans = [
        {"run_id": run_id, "trace_id": "t", "span_id": f"{run_id}{draw(st.integers(0, 3))}", "seq": seq, "name": "s",
         "parent_span_id": draw(st.none() | st.sampled_from([f"{run_id}1", "gone"])), "start": draw(moments),
         "kind": draw(st.sampled_from(["workflow", "tool", "model", "custom"])), "end": draw(moments),
         "status": draw(st.sampled_from(["ok", "error", "unset"])),

         "attributes": draw(st.sampled_from(["{}", "no", "[]"])),
         "activity_id": draw(st.none() | st.just("a")), "input_tokens": draw(st.none() | st.just(7))}
        for seq in range(draw(st.integers(0, 4)))
    ]  # fmt: skip
    waits = [
        {"run_id": run_id, "kind": draw(st.sampled_from(["workflow_task", "external_wait"])), "started": 1.0,
         "ended": draw(moments)}
        for _ in range(draw(st.integers(0, 2)))
    ]  # fmt: skip
    known = draw(st.booleans())
    return {
        "history_runs": [run(draw(moments), run_id=run_id)] if known else [],
        "history_operations": operations if known else [],
        "history_attempts": attempt_rows() if known else [],
        "history_waits": waits if known else [],
        "span_attempts": attempt_rows(begun_only=st.booleans(), operation_kind=st.none() | st.just("tool")),
        "observations": attempt_rows(next_retry=moments),
        "spans": spans,
    }


@settings(quick, max_examples=60)
@given(st.data())
def test_any_evidence_joins_and_balances(data: st.DataObject) -> None:
    """Whatever the sources say, the join answers, keeps its keys unique and its sums exact."""
    parts = [data.draw(chaos(name)) for name in ("r", "s")]
    tables = {name: parts[0][name] + parts[1][name] for name in parts[0]}
    result = joined(now=40, **tables)
    assert not result.attempts.duplicated(list(ATTEMPT_KEY)).any()
    assert not result.operations.duplicated([*RUN_KEY, "operation_id"]).any()
    assert not result.runs.duplicated(list(RUN_KEY)).any()
    for name in ("queue_ms", "run_ms", "backoff_ms"):
        assert not (result.attempts[name] < 0).any() and not (result.operations[name] < 0).any()
    attempts = result.attempts
    useful = attempts[attempts["useful"]].groupby(["run_id", "operation_id"]).size()
    assert (useful <= 1).all()
    assert result.runs["attempts"].sum() == result.operations["attempts"].sum()
    balanced(result.runs)


@settings(quick, max_examples=15)
@given(st.data())
def test_a_run_joins_the_same_alone_and_among_others(data: st.DataObject) -> None:
    """Joining many runs at once is only faster: no run sees another."""
    first, second = data.draw(chaos("r")), data.draw(chaos("s"))
    together = joined(now=40, **{name: first[name] + second[name] for name in first})
    alone = joined(now=40, **first)
    for name in ("runs", "operations", "attempts"):
        mine = getattr(together, name)
        mine = mine[mine["run_id"] == "r"].reset_index(drop=True)
        keys = [column for column in ("operation_id", "attempt") if column in mine]
        expected = getattr(alone, name)
        if keys:
            mine, expected = (f.sort_values(keys).reset_index(drop=True) for f in (mine, expected))
        pd.testing.assert_frame_equal(mine, expected)


_ANY = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-5, 0, 2**31, 2**53, 2**63 - 1, -(2**63)]),
    pa.float64(): st.floats() | st.sampled_from([1e300, -1e300, 1e306]),
}


@settings(quick, max_examples=15)
@given(st.data())
def test_no_number_of_another_run_changes_a_run(data: st.DataObject) -> None:
    """However far out of range: a run's rows are what they are alone, and the other one is joined all the same."""
    first, second = data.draw(chaos("r")), data.draw(chaos("s"))
    frames = {name: frame(name, *first[name], *second[name]) for name in first}
    for table, found in frames.items():
        for row in np.flatnonzero(found["run_id"] == "s"):
            for field in TABLES[table]:
                if field.type in _ANY and field.name not in ("seq", "received") and data.draw(st.booleans()):
                    found.loc[row, field.name] = data.draw(_ANY[field.type])
    together = join(Evidence(**frames), at(40))
    alone = joined(now=40, **first)
    for name in ("runs", "operations", "attempts"):
        mine, expected = getattr(together, name), getattr(alone, name)
        mine = mine[mine["run_id"] == "r"]
        keys = [column for column in ("operation_id", "attempt") if column in mine]
        mine, expected = (f.sort_values([*keys, "run_id"]).reset_index(drop=True) for f in (mine, expected))
        pd.testing.assert_frame_equal(mine, expected)
        numbers = getattr(together, name).select_dtypes("Float64").to_numpy(dtype=float, na_value=0.0)
        assert np.isfinite(numbers).all()


@quick
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, len(CLASSES) - 2), st.integers(-3, 12), st.integers(-3, 12)))
)
def test_attribution_equals_asking_every_moment(items: list[tuple[int, int, int, int]]) -> None:
    """The sweep line gives each µs to the highest active class, as asking them one by one does."""
    started, ended = np.array([0.0, 2.0]), np.array([10.0, 7.0])
    columns = np.array(items, dtype=np.int64).reshape(-1, 4)
    intervals = Intervals(columns[:, 0], columns[:, 1], columns[:, 2].astype(float), columns[:, 3].astype(float))
    expected = np.zeros((2, len(CLASSES)), dtype=np.int64)
    for number in (0, 1):
        for moment in range(int(started[number]), int(ended[number])):
            active = [rank for r, rank, low, high in items if r == number and low <= moment < high]
            expected[number, min(active, default=RANK["unexplained"])] += 1
    assert (attribute(intervals, started, ended) == expected).all()
