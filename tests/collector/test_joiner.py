"""The join in a process of its own gives what the join here gives, and outlives nothing."""

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from durascope_dashboard.child import ChildFailed
from durascope_dashboard.collector.joiner import join_here, joiner
from durascope_dashboard.collector.otlp import decode_traces
from durascope_dashboard.collector.rollup import RollUp
from durascope_dashboard.store.engine import Store
from durascope_dashboard.store.location import Location, open_store
from tests.collector.running import until
from tests.collector.spans import RUN, T0, attempt_span, request

NOW = T0 // 1000 + 60_000_000


@pytest.fixture
def store(location: Location) -> Iterator[Store]:
    with open_store(location) as opened:
        tables = decode_traces(request(attempt_span(), attempt_span(attempt=2))).tables()
        spans = tables["spans"].append_column("seq", [[0, 1]])
        opened.write(tables | {"spans": spans})
        yield opened


def test_a_child_joins_as_this_process_does_and_is_replaced_when_it_dies(store: Store) -> None:
    """Equal tables; after a SIGKILL the next join works too; an error says what it was; at the end it is gone."""
    evidence, child = store.evidence_tables([RUN]), joiner()
    assert {name: rows.to_pylist() for name, rows in child(evidence, NOW).items()} == {
        name: rows.to_pylist() for name, rows in join_here(evidence, NOW).items()
    }
    for wait in (False, True):  # it is found dead while it is asked, or before
        process: Any = child._process
        process.kill()
        if wait:
            process.wait()
        assert child(evidence, NOW)["attempts"].num_rows == 2
    with pytest.raises(ChildFailed, match="missing"):
        child({"spans": evidence["spans"]}, NOW)
    last: Any = child._process
    child.close()
    assert last.returncode is not None


def test_one_run_that_cannot_be_joined_does_not_hold_up_the_others(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """It is counted and named; the rest is joined in halves."""

    def join(evidence: Any, now: int) -> Any:
        if "poison" in evidence["spans"]["run_id"].to_pylist():
            raise ValueError("poison")
        return join_here(evidence, now)

    bad = RUN._replace(run_id="poison")
    poison = decode_traces(request(attempt_span(bad))).tables()
    store.write(poison | {"spans": poison["spans"].append_column("seq", [[2]])})
    rollup = RollUp(store, join=join)
    rollup.mark([RUN, bad], 0, 3)
    with caplog.at_level(logging.CRITICAL, "durascope.collector"):
        rollup.close()
    assert rollup.errors == 1 and store.query("runs")["run_id"].to_pylist() == [RUN.run_id]


def test_what_was_not_joined_before_a_crash_is_joined_at_the_next_start(store: Store) -> None:
    """Also spans that came late to a run that had been joined already."""
    first = RollUp(store)
    first.mark([RUN], 0, 2)
    first.close()
    late = decode_traces(request(attempt_span(attempt=3))).tables()
    store.write(late | {"spans": late["spans"].append_column("seq", [[2]])})  # committed, and then the crash
    assert store.query("runs")["attempts"].to_pylist() == [2]
    again = RollUp(store)
    again.start()
    again.close()
    assert store.query("runs")["attempts"].to_pylist() == [3]
    assert int(store.get_meta("joined_seq") or 0) >= 3


def test_a_run_is_never_in_two_passes_at_once(store: Store) -> None:
    """However often it changes, and though two threads join: what was read first could else be stored last."""
    at_work: Counter[str] = Counter()
    overlaps, threads = [], set()

    def join(evidence: Any, now: int) -> Any:
        threads.add(threading.get_ident())
        (run_id,) = set(evidence["spans"]["run_id"].to_pylist())
        at_work[run_id] += 1
        if at_work[run_id] > 1:
            overlaps.append(run_id)
        joined = join_here(evidence, now)
        at_work[run_id] -= 1
        return joined

    runs = [RUN._replace(run_id=f"run-{number}") for number in range(6)]
    for number, run in enumerate(runs):
        rows = decode_traces(request(attempt_span(run))).tables()
        store.write(rows | {"spans": rows["spans"].append_column("seq", [[10 + number]])})
    rollup = RollUp(store, interval_s=0.001, join=join, runs_a_pass=1)
    rollup.start()
    rollup.mark(runs, 10, 16)
    until(lambda: rollup.passes, "a pass")
    rollup.mark(runs, 10, 16)  # some of them are being joined just now
    until(lambda: not rollup.dirty_count, "all joined")
    rollup.close()
    assert not overlaps and len(threads) == 2
    assert {run.run_id for run in runs} <= set(store.query("runs")["run_id"].to_pylist())
