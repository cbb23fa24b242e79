"""What a history tells, scenario by scenario, against what the activities themselves wrote down."""

from collections.abc import Callable, Sequence

import pytest
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent

from durascope.history import read_history
from durascope.records import AttemptFacts, HistoryRecord, Kind, Micros, RetryBy, RunStatus, Status
from tests.histories.activities import Truth
from tests.histories.conftest import Told, attempts_of, operation_of
from tests.histories.recording import Recording, load

Find = Callable[..., Told]
pytestmark = pytest.mark.timeout(120)

# Between the activity's own clock and the server's lie a dispatch and a report, on a machine that may be busy.
TOLERANCE_S = 2.0


def near(told: Micros | None, truth: float, tolerance: float = TOLERANCE_S) -> bool:
    return told is not None and abs(told / 1e6 - truth) < tolerance


def outline(attempts: Sequence[AttemptFacts]) -> list[tuple[object, ...]]:
    """(number, status, error type, which times are known, estimated)"""
    return [
        (a.attempt, a.status, a.error_type, "".join(name[0] for name in ("queued", "started", "ended")
         if getattr(a, name) is not None), a.estimated)
        for a in attempts
    ]  # fmt: skip


def assert_final_is_true(attempt: AttemptFacts, truth: dict[int, Truth]) -> None:
    """The last attempt has the number, the start and the end that the activity saw."""
    assert attempt.attempt == max(truth)
    assert near(attempt.started, truth[attempt.attempt].start)
    assert near(attempt.ended, truth[attempt.attempt].end)


def test_an_activity_that_succeeds_at_once_is_exact(told: Find, recording: Recording) -> None:
    """One attempt: its schedule, start and end are all in history."""
    run, record = told("retried")
    (attempt,) = attempts_of(record, "1")
    assert outline([attempt]) == [(1, Status.OK, None, "qse", False)]
    assert_final_is_true(attempt, recording.truth_of(run, "1"))
    assert attempt.queued is not None and attempt.started is not None and attempt.queued <= attempt.started


def test_the_failure_before_the_last_attempt_is_known_and_those_before_it_are_not(
    told: Find, recording: Recording
) -> None:
    """Four attempts: history has the last whole, the last failure, and only the number of the first two."""
    run, record = told("retried")
    assert outline(attempts_of(record, "2")) == [
        (1, Status.ERROR, "RuntimeError", "q", True),
        (2, Status.OK, None, "se", False),
    ]
    attempts = attempts_of(record, "3")
    assert outline(attempts) == [
        (1, Status.ERROR, None, "q", True),
        (2, Status.ERROR, None, "", True),
        (3, Status.ERROR, "RuntimeError", "", True),
        (4, Status.OK, None, "se", False),
    ]
    assert attempts[2].error_message == "attempt 3 failed"
    assert_final_is_true(attempts[3], recording.truth_of(run, "3"))
    assert len(recording.truth_of(run, "3")) == operation_of(record, "3").attempts == 4


def test_the_policy_is_kept_so_that_backoffs_can_be_computed(told: Find) -> None:
    """Initial interval, coefficient and limit as the server applied them."""
    operation = operation_of(told("retried")[1], "3")
    assert (operation.initial_interval_ms, operation.backoff_coefficient, operation.max_interval_ms) == (200, 2, 20000)
    assert operation.max_attempts is None
    assert operation.start_to_close_ms in (10_000, 60_000)
    assert operation_of(told("retried")[1], "6").max_attempts == 2


def test_retry_after_is_the_servers(told: Find) -> None:
    """A failure that dictates its next retry delay says so, with the HTTP status of its message."""
    first, second = attempts_of(told("retried")[1], "4")
    assert (first.retry_by, first.retry_delay_ms) == (RetryBy.SERVER, 700)
    assert (first.error_type, first.http_status) == ("APIStatusError", 429)
    assert (second.retry_by, second.status) == (None, Status.OK)


def test_final_failures_close_the_operation(told: Find) -> None:
    """One that must not be retried, and one whose attempts are used up."""
    _, record = told("retried")
    assert outline(attempts_of(record, "5")) == [(1, Status.ERROR, "NoSuchCity", "qse", False)]
    assert outline(attempts_of(record, "6")) == [
        (1, Status.ERROR, "RuntimeError", "q", True),
        (2, Status.ERROR, "RuntimeError", "se", False),
    ]
    operation = operation_of(record, "6")
    assert (operation.status, operation.attempts, operation.error_message) == (Status.ERROR, 2, "still broken")


def test_an_agents_run_without_any_plugin(told: Find, recording: Recording) -> None:
    """Agent, model, tool, Retry-After and the provider's tokens to the last one: all from the integration's history."""
    _, record = told("agent")
    work = [o for o in record.operations if o.kind is not Kind.WORKFLOW_TASK_FAILURE]  # a busy machine has some
    operations = [(o.kind, o.agent, o.model, o.attempts) for o in work]
    assert operations == [
        (Kind.MODEL, "Forecaster", "gpt-4.1-mini", 2),
        (Kind.TOOL, None, None, 1),
        (Kind.MODEL, "Forecaster", "gpt-4.1-mini", 1),
    ]
    limited, answered, _tool, final = record.attempts
    assert (limited.retry_by, limited.retry_delay_ms, limited.http_status) == (RetryBy.SERVER, 1000, 429)
    assert limited.tokens is None
    tokens = [attempt.tokens for attempt in (answered, final) if attempt.tokens is not None]
    billed = recording.billed
    assert billed.input > 0
    assert (
        sum(t.input for t in tokens), sum(t.cached_input for t in tokens),
        sum(t.output for t in tokens), sum(t.reasoning for t in tokens), sum(t.cache_write for t in tokens),
    ) == (billed.input, billed.cached_input, billed.output, billed.reasoning, billed.cache_write)  # fmt: skip
    assert answered.response_id and final.response_id and answered.response_id != final.response_id


def test_timeouts_are_named_by_their_type(told: Find) -> None:
    """Start-to-close is retried, heartbeat has one attempt, schedule-to-start never began."""
    _, record = told("timed_out_activities")
    assert outline(attempts_of(record, "start-to-close")) == [
        (1, Status.TIMEOUT, "StartToClose", "q", True),
        (2, Status.TIMEOUT, "StartToClose", "se", False),
    ]
    last = attempts_of(record, "start-to-close")[-1]
    assert last.started is not None and last.ended is not None
    assert 400_000 <= last.ended - last.started < 10_000_000  # the dev server looks at its timers once a second at best
    assert outline(attempts_of(record, "heartbeat")) == [(1, Status.TIMEOUT, "Heartbeat", "qse", False)]
    assert outline(attempts_of(record, "schedule-to-start")) == [(1, Status.TIMEOUT, "ScheduleToStart", "qe", False)]
    assert operation_of(record, "heartbeat").heartbeat_ms == 400


def test_no_time_for_another_attempt_ends_the_operation_with_the_last_one(told: Find) -> None:
    """Its backoff would pass schedule-to-close, so the server does not wait for that: the failure stands, exact."""
    _, record = told("timed_out_activities")
    last = attempts_of(record, "schedule-to-close")[-1]
    assert (last.status, last.error_type, last.estimated) == (Status.ERROR, "RuntimeError", False)
    assert last.started is not None and last.ended is not None
    assert operation_of(record, "schedule-to-close").status is Status.ERROR


def test_time_over_before_another_attempt_began_keeps_the_failure_of_the_last_one(told: Find) -> None:
    """Schedule-to-close ends the operation; no Started event is written, so the number of attempts is not known."""
    _, record = told("unserved")
    (operation,) = record.operations
    assert (operation.status, operation.error_type) == (Status.TIMEOUT, "ScheduleToClose")
    assert outline(record.attempts) == [(1, Status.ERROR, "RuntimeError", "q", True)]


def test_cancelling_an_attempt_that_runs_is_exact(told: Find, recording: Recording) -> None:
    """It was told, it stopped, the server wrote it down."""
    run, record = told("cancelled")
    (attempt,) = attempts_of(record, "running")
    assert outline([attempt]) == [(1, Status.CANCELLED, None, "qse", False)]
    assert_final_is_true(attempt, recording.truth_of(run, "running"))


def test_cancelling_between_attempts_leaves_their_number_unknown(told: Find, recording: Recording) -> None:
    """No Started event is ever written: the attempt is listed as estimated, though one did run."""
    run, record = told("cancelled")
    assert outline(attempts_of(record, "retrying")) == [(1, Status.CANCELLED, None, "qe", True)]
    assert list(recording.truth_of(run, "retrying")) == [1]
    assert record.run.status is RunStatus.CANCELLED


def test_a_continued_run_names_the_next_and_the_first(told: Find) -> None:
    """The chain is joined by the first run's id; each run has a trace of its own."""
    (_, first), (_, second) = told("continued", 1), told("continued", 2)
    assert (first.run.status, second.run.status) == (RunStatus.CONTINUED_AS_NEW, RunStatus.COMPLETED)
    assert first.run.next_run_id == second.run.run_id
    assert second.run.previous_run_id == first.run.run_id
    assert first.run.first_run_id == second.run.first_run_id == first.run.run_id
    assert first.run.trace_id != second.run.trace_id


def test_a_reset_run_names_the_run_it_was_copied_from(told: Find, recording: Recording) -> None:
    """Its own activity ran again, and only that is counted as its own."""
    (_, first), (run, second) = told("reset", 1), told("reset", 2)
    assert second.run.previous_run_id == first.run.run_id
    assert second.run.first_run_id == first.run.run_id
    assert not [o for o in second.operations if o.kind is Kind.WORKFLOW_TASK_FAILURE]
    (attempt,) = attempts_of(second, "1")
    assert_final_is_true(attempt, recording.truth_of(run, "1"))


@pytest.mark.parametrize("scenario", ["retried", "local", "waiting"])
def test_what_a_reset_copied_is_shown_and_not_billed_again(recording: Recording, scenario: str) -> None:
    """Cut in the middle, the copied half has operations that say where they ran, and no attempts of this run."""
    run = recording.runs[scenario][0]
    whole = run.record
    half = list(run.events)[: len(run.events) // 2]
    point = HistoryEvent(event_id=half[-1].event_id + 1, event_type=EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED)
    point.event_time.CopyFrom(half[-1].event_time)
    point.workflow_task_failed_event_attributes.base_run_id = "base"
    point.workflow_task_failed_event_attributes.cause = (
        WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
    )
    before = read_history(half, "default", run.workflow_id, run.run_id)
    after = read_history([*half, point], "default", run.workflow_id, run.run_id)
    assert after.run.previous_run_id == "base"
    done = {o.operation_id for o in before.operations if o.closed is not None and o.kind is not Kind.HUMAN_WAIT}
    assert done and done <= {o.operation_id for o in after.operations}
    for operation in after.operations:
        copied = operation.operation_id in done
        assert ("inherited from run base" in (operation.detail or "")) is copied
        assert not copied or (operation.attempts, operation.status) == (0, _status_of(whole, operation.operation_id))
    activities = {o.activity_id for o in after.operations if o.operation_id in done}
    assert not [a for a in after.attempts if a.activity_id in activities]
    assert {a.activity_id for a in before.attempts} - activities == {a.activity_id for a in after.attempts}


def test_an_activity_that_a_reset_cut_off_ran_in_the_other_run() -> None:
    """The server closes it after the reset's point, with a failure of its own kind."""
    run = load().runs["retried"][0]
    scheduled = next(e for e in run.events if e.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
    copied = [e for e in run.events if e.event_id <= scheduled.event_id]
    point, started, failed = (HistoryEvent(event_id=scheduled.event_id + n) for n in (1, 2, 3))
    point.event_type = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    point.workflow_task_failed_event_attributes.base_run_id = "base"
    point.workflow_task_failed_event_attributes.cause = (
        WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
    )
    started.event_type = EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
    started.activity_task_started_event_attributes.scheduled_event_id = scheduled.event_id
    failed.event_type = EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED
    failed.activity_task_failed_event_attributes.scheduled_event_id = scheduled.event_id
    failed.activity_task_failed_event_attributes.failure.reset_workflow_failure_info.SetInParent()
    record = read_history([*copied, point, started, failed], "default", run.workflow_id, run.run_id)
    operation = operation_of(record, "1")
    assert (operation.status, operation.detail) == (Status.ERROR, "inherited from run base")
    assert not attempts_of(record, "1")


def _status_of(record: HistoryRecord, operation_id: str) -> Status:
    return next(o.status for o in record.operations if o.operation_id == operation_id)


def test_children_end_as_they_did(told: Find) -> None:
    """Each child is an operation of its parent; the child itself knows its parent."""
    _, record = told("parent", 1)
    children = [o for o in record.operations if o.kind is Kind.CHILD]
    assert [(c.status, c.error_type) for c in children] == [
        (Status.OK, None),
        (Status.ERROR, "ChildTrouble"),
        (Status.TIMEOUT, None),
        (Status.CANCELLED, None),
    ]
    assert all(c.detail and c.detail.startswith(record.run.workflow_id) for c in children)
    _, child = told("parent", 2)
    assert (child.run.parent_workflow_id, child.run.parent_run_id) == (record.run.workflow_id, record.run.run_id)


def test_a_local_activity_is_exact_when_nothing_came_before_it(told: Find, recording: Recording) -> None:
    """Its marker has the worker's own clock for the start, and how long it ran."""
    run, record = told("local")
    (attempt,) = attempts_of(record, "first")
    truth = recording.truth_of(run, "first")[1]
    assert outline([attempt]) == [(1, Status.OK, None, "qse", False)]
    assert near(attempt.started, truth.start, 0.3) and near(attempt.ended, truth.end, 0.3)
    assert operation_of(record, "first").kind is Kind.LOCAL_ACTIVITY


def test_a_local_activity_retried_in_the_worker_has_no_times_of_its_attempts(told: Find, recording: Recording) -> None:
    """Only the number of attempts is certain; the last one had ended when its marker was written."""
    run, record = told("local")
    attempts = attempts_of(record, "second")
    assert outline(attempts) == [(1, Status.ERROR, None, "q", True), (2, Status.OK, None, "se", True)]
    truth = recording.truth_of(run, "second")[2]
    last = attempts[1]
    assert last.ended is not None and last.started is not None and last.ended / 1e6 >= truth.end - 0.01
    # The SDK's core measures around what the worker measures, and a busy machine may stand between them.
    assert truth.end - truth.start - 0.01 <= (last.ended - last.started) / 1e6 < truth.end - truth.start + 5


def test_a_local_activity_brought_back_by_a_timer_is_one_operation(told: Find, recording: Recording) -> None:
    """Two markers, two attempts, both exact, with the backoff between them."""
    run, record = told("local")
    first, second = attempts_of(record, "by-timer")
    truth = recording.truth_of(run, "by-timer")
    assert outline([first, second]) == [
        (1, Status.ERROR, "RuntimeError", "qse", False),
        (2, Status.OK, None, "se", False),
    ]
    assert (first.retry_delay_ms, first.retry_by) == (200, RetryBy.POLICY)
    assert_final_is_true(second, truth)
    assert near(first.started, truth[1].start, 0.3) and near(first.ended, truth[1].end, 0.3)
    assert operation_of(record, "by-timer").status is Status.OK


def test_local_activities_without_ids_are_known_by_their_schedule(told: Find, recording: Recording) -> None:
    """The SDK gives each attempt by timer an id of its own: it is the first one's operation, with one attempt more."""
    run, record = told("local_by_timer")
    operations = [o for o in record.operations if o.kind is Kind.LOCAL_ACTIVITY]
    assert [(o.activity_id, o.attempts, o.status) for o in operations] == [("1", 2, Status.OK), ("2", 3, Status.OK)]
    for operation in operations:
        attempts = attempts_of(record, operation.activity_id or "")
        assert [(a.attempt, a.status) for a in attempts] == [
            *((number, Status.ERROR) for number in range(1, operation.attempts)), (operation.attempts, Status.OK)
        ]  # fmt: skip
    assert len(record.attempts) == len([t for t in recording.truth if t.run_id == run.run_id]) == 5


def test_waits_for_people_are_told_from_timers(told: Find) -> None:
    """Half a second until a signal, half a second until an update; a signal that nobody waited for ends nothing."""
    _, record = told("waiting")
    by_kind = {kind: [o for o in record.operations if o.kind is kind] for kind in Kind}
    assert [(t.status, t.detail) for t in by_kind[Kind.TIMER]] == [(Status.OK, "1.5 s"), (Status.CANCELLED, "60 s")]
    assert [s.name for s in by_kind[Kind.SIGNAL]] == ["note", "approve"]
    assert [(u.name, u.status) for u in by_kind[Kind.UPDATE]] == [("choose", Status.OK)]
    humans = by_kind[Kind.HUMAN_WAIT]
    assert [h.name for h in humans] == ["approve", "choose"]
    # The second begins with the workflow task after an activity, which a busy machine may run late.
    for human, least in zip(humans, (500_000, 1), strict=True):
        assert human.closed is not None and least <= human.closed - human.scheduled < 6_000_000
    waits = [wait for wait in record.waits if wait.kind == "external_wait"]
    assert [(w.started, w.ended) for w in waits] == [(h.scheduled, h.closed) for h in humans]


def test_workflow_task_failures_are_counted(told: Find) -> None:
    """History keeps the first of a row; the next scheduled task says how many there were."""
    _, record = told("broken")
    (failure,) = record.operations
    assert (failure.kind, failure.status, failure.error_type) == (
        Kind.WORKFLOW_TASK_FAILURE, Status.ERROR, "RuntimeError",
    )  # fmt: skip
    assert failure.detail in (None, "2 times in a row")
    assert record.run.status is RunStatus.COMPLETED
    waits = sum((w.ended or w.started) - w.started for w in record.waits)
    assert record.run.closed is not None
    assert waits == pytest.approx(record.run.closed - record.run.started, abs=20_000)  # nothing but workflow tasks


def test_nexus_operations_are_operations(told: Find) -> None:
    """One that ended well, one that failed, with the service's own words."""
    _, record = told("nexus")
    calls = [(o.name, o.status, o.error_message) for o in record.operations]
    assert calls == [("Weather.forecast", Status.OK, None), ("Weather.forecast", Status.ERROR, "no such city")]


def test_runs_end_as_they_did(told: Find) -> None:
    """Terminated with its reason, failed with its error, timed out with what was open cancelled."""
    _, terminated = told("terminated")
    assert (terminated.run.status, terminated.run.failure_type) == (RunStatus.TERMINATED, "Terminated")
    assert terminated.run.failure_message == "no longer wanted"
    _, failed = told("failed")
    assert (failed.run.status, failed.run.failure_type, failed.run.failure_message) == (
        RunStatus.FAILED, "ChildTrouble", "the child failed",
    )  # fmt: skip
    _, timed_out = told("timed_out")
    assert timed_out.run.status is RunStatus.TIMED_OUT
    # On a busy machine the time is over before the timer was ever set.
    assert {(o.kind, o.status, o.closed) for o in timed_out.operations} <= {
        (Kind.TIMER, Status.CANCELLED, timed_out.run.closed)
    }


def test_what_a_run_is_called(told: Find) -> None:
    """Type, queue, build, events and bytes."""
    run, record = told("retried")
    assert (record.run.workflow_type, record.run.namespace, record.run.run_id) == ("Retried", "default", run.run_id)
    assert record.run.task_queue.startswith("scenarios-")
    assert record.run.build_id
    assert record.run.history_events == record.run.last_event_id == len(run.events)
    assert record.run.history_bytes == sum(event.ByteSize() for event in run.events)
