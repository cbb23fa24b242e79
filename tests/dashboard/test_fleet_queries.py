"""The queries behind the fleet's pages against the same numbers counted by hand, in pandas, from the joined frames."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from durascope_dashboard.exceptions import UsageError
from durascope_dashboard.store.duckdb_store import DuckStore
from tests.analysis.facts import joined
from tests.analysis.test_properties import chaos
from tests.dashboard import bulk, synthetic
from tests.store.rows import put_joined

RUNS = 400
UNTIL = 1_780_000_000_000_000
DAY = 86_400_000_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckStore]:
    """Four hundred runs of one day."""
    path = tmp_path_factory.mktemp("bulk") / "bulk.duckdb"
    bulk.write(path, RUNS, UNTIL)
    opened = DuckStore(path, read_only=True)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def attempts(store: DuckStore) -> pd.DataFrame:
    """Every attempt with its run's type."""
    runs = store.sql("SELECT run_id, workflow_type FROM runs").to_pandas()
    found: pd.DataFrame = store.sql("SELECT * FROM attempts").to_pandas().merge(runs, on="run_id")
    return found


def ask(store: DuckStore, name: str, **params: Any) -> pd.DataFrame:
    """The answer as a frame, sums as plain numbers."""
    found: pd.DataFrame = store.query(name, since=UNTIL - DAY, until=UNTIL + DAY, **params).to_pandas()
    for column in found.columns:
        if found[column].dtype == object and found[column].map(lambda v: not isinstance(v, str)).all():
            found[column] = found[column].astype(float)
    return found


@pytest.mark.parametrize("by", ["name", "task_queue", "worker", "workflow_type", "build_id", "fingerprint"])
def test_attempts_by_a_dimension_are_counted_once_each(store: DuckStore, attempts: pd.DataFrame, by: str) -> None:
    """Attempts, failures, retries, backoff and runs by value, whatever the dimension."""
    found = ask(store, "attempt_groups", by=by).set_index("value")
    grouped = attempts.groupby(by, dropna=False)
    failed = attempts["status"].isin(["error", "timeout", "lost"])
    assert found["attempts"].sum() == len(attempts)
    for value, rows in grouped:
        row = found.loc[value] if isinstance(value, str) else found[found.index.isna()].iloc[0]
        assert row["attempts"] == len(rows)
        assert row["failed"] == failed[rows.index].sum()
        assert row["retries"] == (rows["attempt"] > 1).sum()
        assert row["runs"] == rows["run_id"].nunique()
        assert row["backoff_ms"] == pytest.approx(rows["backoff_ms"].sum())
        assert row["queue_p95_ms"] == pytest.approx(rows["queue_ms"].quantile(0.95))


def test_buckets_of_time_sum_to_the_whole(store: DuckStore, attempts: pd.DataFrame) -> None:
    """Nothing falls between two buckets, and the tokens of a bucket are useful or wasted."""
    found = ask(store, "attempt_series", bucket_ms=3_600_000)
    assert found["attempts"].sum() == len(attempts)
    assert found["bucket"].is_monotonic_increasing and (found["bucket"] % 3_600_000_000 == 0).all()
    billed = attempts["tokens_input"].sum() + attempts["tokens_output"].sum()
    parts = found[["useful_input", "useful_output", "wasted_input", "wasted_output"]].sum().sum()
    assert parts == billed
    split = ask(store, "attempt_series", bucket_ms=3_600_000, by="model")
    assert split["attempts"].sum() == len(attempts)


def test_waste_is_what_failed_attempts_spent_and_what_they_made_others_wait(
    store: DuckStore, attempts: pd.DataFrame
) -> None:
    """Tokens and time of lost attempts; the backoff that each caused stands on the attempt after it."""
    found = ask(store, "waste", by="cause").set_index("value")
    lost = attempts[~attempts["useful"]]
    assert found["attempts"].sum() == len(lost)
    assert found["tokens_input"].sum() == lost["tokens_input"].sum()
    assert found["cost"].sum() == pytest.approx(lost["cost"].sum())
    assert found["backoff_ms"].sum() == pytest.approx(attempts["backoff_ms"].sum())
    assert found["unknown"].sum() == ((lost["kind"] == "model") & lost["tokens_input"].isna()).sum()
    limited = lost[lost["http_status"] == 429]
    assert found.loc["rate limited (HTTP 429)", "attempts"] == len(limited)


def test_the_drill_down_counts_every_attempt_on_one_side(store: DuckStore, attempts: pd.DataFrame) -> None:
    """For each attribute, the selection and the rest are all attempts; both selections agree with a count by hand."""
    for params, chosen in (
        ({"bad": "failed"}, attempts["status"].isin(["error", "timeout", "lost"])),
        ({"bad": "slow_queue", "threshold_ms": 1000}, attempts["queue_ms"] > 1000),
        ({"fingerprint": "f2"}, attempts["fingerprint"] == "f2"),
    ):
        sums = ask(store, "shared_values", **params).groupby("attribute")[["selected", "rest"]].sum()
        assert (sums["selected"] == chosen.sum()).all()
        assert (sums.sum(axis=1) == len(attempts)).all()


def test_groups_of_runs_have_the_percentiles_of_their_own_runs(store: DuckStore) -> None:
    """p50, p95 and p99 of closed runs by build, exactly."""
    found = ask(store, "cohorts", by="build_id").set_index("value")
    runs = store.sql("SELECT * FROM runs WHERE status <> 'running'").to_pandas()
    assert found["runs"].sum() == len(runs)
    for build, rows in runs.groupby("build_id"):
        for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            assert found.loc[str(build), f"duration_{name}_ms"] == pytest.approx(rows["duration_ms"].quantile(q))


def test_totals_are_those_of_the_filter(store: DuckStore) -> None:
    """`run_totals` counts what `runs` lists, for filters and for every trouble by name."""
    for params in ({}, {"status": ["failed"]}, {"view": "wasteful"}, {"view": "retrying"}, {"text": "run-000001"}):
        rows = ask(store, "runs", limit=10_000, **params)
        totals = ask(store, "run_totals", **params).iloc[0]
        assert totals["runs"] == len(rows)
        assert (totals["retries"] or 0) == rows["retries"].sum()


def test_workers_are_told_apart_by_queue(store: DuckStore, attempts: pd.DataFrame) -> None:
    """One row for each worker on each queue, with what it failed and its clock."""
    found = ask(store, "workers")
    assert len(found) == attempts.groupby(["worker", "task_queue"]).ngroups
    assert found["attempts"].sum() == len(attempts)
    assert found["skew_p50_ms"].abs().max() < 20


def test_troubles_find_their_runs(tmp_path: Path) -> None:
    """No heartbeat, a human awaited, and retries now: each trouble names the run that is in it, and no other."""
    moment = synthetic.now()
    stories = [
        synthetic.retrying("retries", moment - 200 * synthetic.S),
        synthetic.waiting("waits", moment - 900 * synthetic.S),
        synthetic.research("fine", moment - 60 * synthetic.S, trouble=0),
    ]
    synthetic.write(tmp_path / "t.duckdb", stories, moment)
    with DuckStore(tmp_path / "t.duckdb", read_only=True) as store:
        for view, names in (
            ("retrying", ["retries"]), ("no_heartbeat", ["retries"]), ("human", ["waits"]), ("task_problem", []),
        ):  # fmt: skip
            assert store.query("runs", view=view)["workflow_id"].to_pylist() == names, view
        over = store.query("runs", view="over_budget", budget=1000)["workflow_id"].to_pylist()
        assert set(over) == {"fine", "waits"}
        errors = store.query("last_errors", run_id=store.query("runs", view="retrying")["run_id"].to_pylist())
        assert errors["error_message"].to_pylist() == ["429: slow down"]


def test_silence_lasts_until_the_moment_of_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not until that of the first asking, whose compiled text is kept."""
    moment = synthetic.now()
    synthetic.write(tmp_path / "t.duckdb", [synthetic.retrying("retries", moment - 20 * synthetic.S)], moment)
    with DuckStore(tmp_path / "t.duckdb", read_only=True) as store:
        assert store.query("runs", view="no_heartbeat").num_rows == 0
        named = import_module("durascope_dashboard.store.queries.named")  # there is a function of that name, too
        monkeypatch.setattr(named, "micros_now", lambda: moment + 300 * synthetic.S)
        assert store.query("runs", view="no_heartbeat")["workflow_id"].to_pylist() == ["retries"]


def test_what_does_not_exist_is_refused_by_name(store: DuckStore) -> None:
    """A dimension or a selection from a link that is wrong says which there are."""
    for name, params in (("attempt_groups", {"by": "colour"}), ("shared_values", {"bad": "odd"}),
                         ("cohorts", {"by": "mood"}), ("waste", {"by": "x"})):  # fmt: skip
        with pytest.raises(UsageError, match=r"there are|they can by"):
            store.query(name, **params)


def test_a_timeout_in_the_queue_has_a_name_and_keeps_to_its_type(tmp_path: Path) -> None:
    """An attempt that never started is an error like others; errors of other workflow types are not asked for."""
    moment = synthetic.now()
    starved = synthetic.Story("starved", "Starved", moment - 60 * synthetic.S, status="failed")
    never = {"queue": 5.0, "run": 0.0, "status": "timeout", "error": "TimeoutError", "message": "schedule to start"}
    starved.operation("fetch", "tool", None, [never])
    synthetic.write(tmp_path / "t.duckdb", [starved], moment)
    with DuckStore(tmp_path / "t.duckdb") as store:
        store.sql("UPDATE attempts SET started = NULL")
        for params in ({}, {"since": moment - 120 * synthetic.S}, {"workflow_type": ["Starved"]}):
            (row,) = store.query("errors", **params).to_pylist()
            assert (row["error_type"], row["workflow_id"]) == ("TimeoutError", "starved")
            assert row["last_seen"] > moment - 120 * synthetic.S
        assert store.query("errors", workflow_type=["Other"]).num_rows == 0


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_waste_by_cause_sums_to_the_ledgers_wasted(waste_store: DuckStore, data: st.DataObject) -> None:
    """To the token and the cent, whatever became of the attempts: failed, cancelled, lost, unused or under way."""
    evidence = data.draw(chaos("r"))
    result = joined(now=40, **evidence)
    put_joined(waste_store, result)
    found = waste_store.query("waste").to_pandas()
    for column, kind in (("tokens_input", "input"), ("tokens_output", "output")):
        assert found[column].fillna(0).sum() == result.runs[f"wasted_{kind}"].fillna(0).sum()
    assert found["unknown"].sum() <= result.runs["unknown_attempts"].fillna(0).sum()
    assert found["value"].notna().all()


@pytest.fixture(scope="module")
def waste_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckStore]:
    """A store whose one run each example replaces."""
    with DuckStore(tmp_path_factory.mktemp("waste") / "waste.duckdb") as store:
        yield store
