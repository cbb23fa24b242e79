"""The critical path, drawn and then asserted; and what a retry cost the run."""

import time

import hypothesis.strategies as st
from hypothesis import given, settings

from durascope_dashboard.analysis.critical_path import CriticalPath, critical_path, walk
from durascope_dashboard.analysis.join import Joined
from durascope_dashboard.analysis.what_if import Step, savings
from tests.analysis.facts import SECOND, START, at
from tests.analysis.runs import act, frames, timer, whole


def path_of(result: Joined, now: float | None = None) -> CriticalPath:
    found = frames(result)
    return critical_path(found.run, found.operations, found.attempts, None if now is None else at(now))


def drawn(path: CriticalPath) -> list[tuple[str | None, float, float]]:
    """Segments as (operation or kind, start, end), seconds after START."""
    return [
        (part.operation_id or part.kind, (part.start - START) / SECOND, (part.end - START) / SECOND)
        for part in path.segments
    ]


def test_the_branch_that_ended_last_decides() -> None:
    """
    1 |==|                     2 has slack: it is not on the path
    2     |====|
    3     |=========|
    4                |==|
    """
    result = whole(act("1", 0, 2), act("2", 2, 6), act("3", 2, 11), act("4", 12, 14), closed=15)
    assert drawn(path_of(result)) == [
        ("activity:1", 0, 2), ("activity:3", 2, 11), ("workflow", 11, 12), ("activity:4", 12, 14), ("workflow", 14, 15),
    ]  # fmt: skip


def test_what_a_signal_ended_was_a_wait_for_the_outside() -> None:
    """The time before an approval is the wait for it, by name."""
    approval = timer("approve", 50, 50, kind="signal", operation_id="signal:9")
    result = whole(act("1", 0, 2), act("2", 50, 60), closed=60, others=[approval])
    path = path_of(result)
    assert drawn(path) == [("activity:1", 0, 2), ("external_wait", 2, 50), ("activity:2", 50, 60)]
    assert path.segments[1].name == "approve"


def test_a_cancelled_timer_is_an_effect_and_not_a_cause() -> None:
    """A deadline that was cancelled when the work was done closes last, but decided nothing."""
    deadline = timer("deadline", 0, 10.01, status="cancelled")
    result = whole(act("1", 0, 10), closed=10.02, others=[deadline])
    assert drawn(path_of(result)) == [("activity:1", 0, 10), ("workflow", 10, 10.02)]


def test_an_open_run_ends_with_the_work_that_is_open() -> None:
    """Until now: the open activity rather than the deadline beside it."""
    result = whole(act("1", 0, 2), act("2", 2, None), closed=None, now=9, others=[timer("deadline", 0, None)])
    path = path_of(result, now=9)
    assert drawn(path) == [("activity:1", 0, 2), ("activity:2", 2, 9)]


def test_a_terminated_run_ends_with_what_it_was_cut_off_in() -> None:
    """The activity in flight has no end of its own; the run's is."""
    result = whole(act("1", 0, 2), act("2", 3, None), closed=9, status="terminated")
    assert drawn(path_of(result)) == [("activity:1", 0, 2), ("workflow", 2, 3), ("activity:2", 3, 9)]


def test_a_run_without_operations_is_its_own_path() -> None:
    """Nothing scheduled: the workflow itself."""
    assert drawn(path_of(whole(closed=3))) == [("workflow", 0, 3)]


RETRIED = ((2.0, 2.0, 4.0), (14.0, 14.0, 18.0))
"""Attempt 1 fails after 2 s, 10 s backoff, attempt 2 works for 4 s: the retry cost 12 s."""


def test_a_retry_in_sequence_cost_the_run_what_it_cost_its_operation() -> None:
    """Failed attempt, backoff: 12 s earlier, exactly."""
    result = whole(act("1", 0, 2), act("2", 2, 18, RETRIED, name="search"), act("3", 18, 20), closed=20)
    (saving,) = path_of(result).savings
    assert (saving.attempt, saving.lost_ms, saving.saved_ms, saving.at_most_ms) == (1, 12_000, 12_000, 12_000)
    assert saving.sentence == "If this retry had not happened the run would have ended 12.0 s earlier."


def test_a_parallel_branch_takes_up_part_of_the_saving() -> None:
    """The other branch ends at 9: what joins both could start then, not at 6."""
    result = whole(act("2", 2, 18, RETRIED), act("3", 2, 9), act("4", 18, 20), closed=20)
    (saving,) = path_of(result).savings
    assert (saving.saved_ms, saving.at_most_ms) == (9_000, 12_000)
    assert "9.00 s to 12.0 s earlier" in saving.sentence


def test_a_retry_with_slack_saves_nothing() -> None:
    """The other branch took longer anyway."""
    result = whole(act("2", 2, 18, RETRIED), act("3", 2, 30), closed=31)
    (saving,) = path_of(result).savings
    assert (saving.saved_ms, saving.at_most_ms) == (0, 0)
    assert "would have ended no earlier" in saving.sentence


def test_a_person_does_not_answer_earlier_because_a_retry_was_saved() -> None:
    """The signal comes when it comes: at least nothing is gained."""
    approval = timer("approve", 50, 50, kind="signal", operation_id="signal:9")
    result = whole(act("2", 2, 18, RETRIED), act("3", 50, 60), closed=60, others=[approval])
    (saving,) = path_of(result).savings
    assert (saving.saved_ms, saving.at_most_ms) == (0, 0)


def test_history_alone_gives_the_sum_of_the_retries_as_an_estimate() -> None:
    """Attempts 1 and 2 were not seen: what they and the waits cost together is known, each alone is not."""
    operation, spans = act("2", 2, 18, ((2, 2, 3), (4, 4, 5), (14, 14, 18)))
    result = whole((operation, spans[-1:]), closed=20)
    (saving,) = path_of(result).savings
    assert (saving.attempt, saving.saved_ms, saving.estimated) == (None, 12_000, True)
    assert saving.sentence == "If these retries had not happened the run would have ended about 12.0 s earlier."


def test_an_open_run_would_be_further_not_ended() -> None:
    """No end is promised to a run that has none."""
    result = whole(act("2", 2, None, ((2, 2, 4), (6, 6, 9))), closed=None, now=9)
    (saving,) = path_of(result, now=9).savings
    assert saving.sentence == "If this retry had not happened the run would now be 4.00 s further."


steps_of_a_run = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 50), st.sampled_from(["activity", "model", "signal", "timer"])),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(steps_of_a_run, st.integers(0, 11), st.integers(1, 40))
def test_the_path_has_no_gap_and_no_retry_saves_more_than_it_cost(
    drawn_steps: list[tuple[int, int, str]], which: int, lost: int
) -> None:
    """Whatever the operations: segments tile the run exactly; 0 <= at least <= at most <= what was lost."""
    steps = [
        Step(str(i), kind, kind, start, start if kind == "signal" else min(start + length, 60))
        for i, (start, length, kind) in enumerate(drawn_steps)
    ]
    path = walk(steps, 0, 60)
    assert [part.start for part in path] == [0, *(part.end for part in path[:-1])] and path[-1].end == 60
    assert all(part.end > part.start for part in path)
    if which < len(steps) and steps[which].closed - steps[which].scheduled >= lost:
        step = steps[which]
        tries = [
            {"operation_id": step.operation_id, "attempt": 1, "queued": step.scheduled, "status": "error"},
            {"operation_id": step.operation_id, "attempt": 2, "queued": step.scheduled + lost, "status": "ok"},
        ]
        for saving in savings(steps, tries, 0, 60, ()):
            assert 0 <= saving.saved_ms <= saving.at_most_ms <= saving.lost_ms


def test_twenty_thousand_operations_take_less_than_two_seconds() -> None:
    """The page of the largest run must not wait for its path."""
    steps = [Step(str(i), "activity", "a", i * 10, i * 10 + 15) for i in range(20_000)]
    tries = [
        {"operation_id": str(i), "attempt": n, "queued": i * 10 + 5 * (n - 1), "status": "ok"}
        for i in range(20_000) for n in (1, 2)
    ]  # fmt: skip
    began = time.process_time()
    path = walk(steps, 0, 200_010)
    assert savings(steps, tries, 0, 200_010, {part.operation_id for part in path})
    assert time.process_time() - began < 4
