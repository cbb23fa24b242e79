"""Activities of a run, folded from their events: what was asked for, what became of it, how many attempts that took.

History holds an activity's Started event only once the activity has closed, with the final attempt's number and the
failure of the one before. Attempts 1 .. n-2 never reach it: they are listed, and marked as estimated.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import (
    ActivityTaskScheduledEventAttributes,
    ActivityTaskStartedEventAttributes,
)

from durascope import identity
from durascope._activity_types import MODEL_ACTIVITIES, is_mcp
from durascope._history_digest import arguments_digest
from durascope._history_failures import Cause, read_failure
from durascope._history_inherited import cut_off, note
from durascope._history_payloads import (
    Decode,
    ModelResult,
    json_object,
    model_input,
    model_result,
)
from durascope.conventions import HEADER_DURASCOPE
from durascope.identity import RunKey
from durascope.records import AttemptFacts, Kind, Micros, OperationFacts, RetryBy, Source, Status

_AGENT_NAME_LIMIT = 100
_IMPLIED = 1000


def implied_attempts(first: int, last: int) -> Iterator[int]:
    """Numbers from ``first`` to below ``last``; of an endless retry only the first thousand and the last."""
    yield from range(first, min(last, first + _IMPLIED))
    if last > first + _IMPLIED:
        yield last - 1


def micros(stamp: Timestamp) -> Micros:
    """A protobuf timestamp in microseconds."""
    return int(stamp.seconds * 1_000_000 + stamp.nanos // 1000)


def duration_ms(holder: Any, name: str) -> float | None:
    """A duration field in milliseconds; None when it is unset or zero (Temporal's "no such limit")."""
    value: Duration = getattr(holder, name)
    return (value.seconds * 1000 + value.nanos / 1e6) or None


@dataclass(slots=True)
class Activity:
    """One activity while its events come in; ``asked`` are the fields of its operation that its schedule told.

    The frozen facts are made once, at the end: histories have tens of thousands of these.
    """

    activity_id: str
    kind: Kind
    asked: dict[str, Any]
    status: Status = Status.PENDING
    closed: Micros | None = None
    result: ModelResult | None = None
    started: Micros | None = None
    attempt: int = 1
    last_failure: Cause | None = None
    cause: Cause | None = None
    worker: str | None = None
    build_id: str | None = None
    began: bool = False
    inherited_from: str | None = None  # the run that it ran in, if a reset copied it


@dataclass(slots=True)
class Activities:
    """All activities of one run. ``asked_for`` holds the functions that models of this run called."""

    run: RunKey
    decode: Decode | None = None
    by_event: dict[int, Activity] = field(default_factory=dict)
    asked_for: set[str] = field(default_factory=set)
    conversation_id: str | None = None
    _base_run_id: str | None = None

    def inherit(self, base_run_id: str) -> None:
        """A reset: what is closed by now ran in that run. What is open runs, or runs again, in this one."""
        self._base_run_id = base_run_id
        for activity in self.by_event.values():
            if activity.closed is not None and activity.inherited_from is None:
                activity.inherited_from = base_run_id

    def scheduled(
        self, event_id: int, at: Micros, attrs: ActivityTaskScheduledEventAttributes, summary: str | None
    ) -> None:
        """ActivityTaskScheduled. ``summary`` only if it is known to be the agent's name."""
        name = attrs.activity_type.name
        ours = json_object(attrs.header.fields.get(HEADER_DURASCOPE), self.decode)
        kind = self._kind(name, ours.get("kind"))
        model = None
        if kind is Kind.MODEL and attrs.input.payloads:
            model, conversation_id = model_input(attrs.input.payloads[0], self.decode)
            self.conversation_id = self.conversation_id or conversation_id
        agent, parent, retry = ours.get("agent"), ours.get("parent"), attrs.retry_policy
        if not isinstance(agent, str):
            agent = summary[:_AGENT_NAME_LIMIT] if summary and kind is Kind.MODEL else None
        asked = {
            "operation_id": identity.activity_operation(attrs.activity_id),
            "kind": kind,
            "name": name,
            "scheduled": at,
            "activity_id": attrs.activity_id,
            "activity_type": name,
            "agent": agent,
            "model": model,
            "task_queue": attrs.task_queue.name or None,
            "max_attempts": retry.maximum_attempts or None,
            "initial_interval_ms": duration_ms(retry, "initial_interval"),
            "backoff_coefficient": retry.backoff_coefficient or None,
            "max_interval_ms": duration_ms(retry, "maximum_interval"),
            "schedule_to_start_ms": duration_ms(attrs, "schedule_to_start_timeout"),
            "start_to_close_ms": duration_ms(attrs, "start_to_close_timeout"),
            "schedule_to_close_ms": duration_ms(attrs, "schedule_to_close_timeout"),
            "heartbeat_ms": duration_ms(attrs, "heartbeat_timeout"),
            "parent_span_id": parent if isinstance(parent, str) else None,
            "event_id": event_id,
            "detail": None if kind is Kind.MODEL else arguments_digest(attrs.input.payloads),
        }
        self.by_event[event_id] = Activity(attrs.activity_id, kind, asked)

    def _kind(self, name: str, told: object) -> Kind:
        if name in MODEL_ACTIVITIES:
            return Kind.MODEL
        if is_mcp(name):
            return Kind.MCP
        if told in (Kind.TOOL, Kind.MODEL, Kind.MCP, Kind.ACTIVITY):
            return Kind(str(told))
        return Kind.TOOL if name in self.asked_for else Kind.ACTIVITY

    def started(self, at: Micros, attrs: ActivityTaskStartedEventAttributes) -> None:
        """ActivityTaskStarted: the final attempt's number, start and worker, and the failure before it."""
        activity = self.by_event.get(attrs.scheduled_event_id)
        if activity is None:
            return
        activity.began, activity.started, activity.attempt = True, at, max(attrs.attempt, 1)
        activity.worker = attrs.identity or None
        activity.build_id = attrs.worker_version.build_id or None
        if attrs.HasField("last_failure"):
            activity.last_failure = read_failure(attrs.last_failure, self.decode)

    def closed(self, at: Micros, attrs: Any, status: Status) -> Activity | None:
        """Completed, failed, timed out or cancelled. Returns the activity, None if its start is not there."""
        activity = self.by_event.get(attrs.scheduled_event_id)
        if activity is None:
            return None
        failure: Failure | None = getattr(attrs, "failure", None)
        activity.cause = read_failure(failure, self.decode) if failure is not None else None
        activity.status, activity.closed = status, at
        if cut_off(failure):
            activity.inherited_from = self._base_run_id
        if status is Status.OK and activity.kind is Kind.MODEL and attrs.result.payloads:
            activity.result = model_result(attrs.result.payloads[0], self.decode)
            if activity.result is not None:
                self.asked_for |= activity.result.calls
        return activity

    def operations(self, run_closed: Micros | None) -> Iterator[OperationFacts]:
        """All activities; one still open when its run closed was abandoned: cancelled at that moment."""
        for activity in self.by_event.values():
            status, closed, cause = activity.status, activity.closed, activity.cause
            if closed is None:
                status = Status.CANCELLED if run_closed is not None else Status.RUNNING if activity.began else status
                closed = run_closed
            inherited = activity.inherited_from
            yield OperationFacts(
                *self.run,
                **(activity.asked if inherited is None else {**activity.asked, "detail": note(inherited)}),
                status=status,
                closed=closed,
                attempts=activity.attempt if inherited is None else 0,
                error_type=cause.type if cause else None,
                error_message=cause.message if cause else None,
            )

    def attempts(self, run_closed: Micros | None) -> Iterator[AttemptFacts]:
        """Every attempt of this run that history tells of or implies; an inherited one is another run's."""
        for activity in self.by_event.values():
            if activity.inherited_from is None:
                yield from self._attempts(activity, run_closed)

    def _attempts(self, activity: Activity, run_closed: Micros | None) -> Iterator[AttemptFacts]:
        asked = activity.asked
        for number in implied_attempts(1, activity.attempt):
            previous = activity.last_failure if number == activity.attempt - 1 else None
            delay = previous.retry_delay_ms if previous else None
            yield AttemptFacts(
                *self.run, activity.activity_id, number,
                status=previous.status if previous else Status.ERROR,
                source=Source.HISTORY,
                queued=asked["scheduled"] if number == 1 else None,
                error_type=previous.type if previous else None,
                error_message=previous.message if previous else None,
                retry_delay_ms=delay,
                retry_by=RetryBy.SERVER if delay is not None else None,
                task_queue=asked["task_queue"], model=asked["model"],
                http_status=previous.http_status if previous else None,
                estimated=True,
            )  # fmt: skip
        yield self._final(activity, run_closed)

    def _unnumbered(self, activity: Activity) -> bool:
        """Closed without a Started event: between attempts, or before the first. Only the latter has one attempt."""
        cause = activity.cause
        if activity.began or activity.closed is None or activity.asked["max_attempts"] == 1:
            return False
        return cause is None or cause.type != "ScheduleToStart" or cause.last_failure is not None

    def _final(self, activity: Activity, run_closed: Micros | None) -> AttemptFacts:
        asked, cause, result = activity.asked, activity.cause, activity.result
        abandoned = activity.closed is None and run_closed is not None
        unnumbered = self._unnumbered(activity)
        between = cause.last_failure if cause is not None and unnumbered else None
        cause = between or cause
        status = Status.CANCELLED if abandoned else between.status if between else activity.status
        if activity.closed is None and not abandoned and activity.began:
            status = Status.RUNNING
        if cause is not None and cause.status is Status.TIMEOUT and status is Status.ERROR:
            status = Status.TIMEOUT
        return AttemptFacts(
            *self.run, activity.activity_id, activity.attempt,
            status=status,
            source=Source.HISTORY,
            queued=asked["scheduled"] if activity.attempt == 1 else None,
            started=activity.started,
            ended=None if between else activity.closed,
            error_type=cause.type if cause else None,
            error_message=cause.message if cause else None,
            worker=activity.worker,
            task_queue=asked["task_queue"],
            build_id=activity.build_id,
            model=(result.model if result else None) or asked["model"],
            response_id=result.response_id if result else None,
            http_status=cause.http_status if cause else None,
            tokens=result.tokens if result else None,
            # That there was a last attempt is known, its number is not.
            estimated=abandoned or unnumbered,
        )  # fmt: skip
