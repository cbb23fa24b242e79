"""Local activities: one marker each, written when the workflow task that ran them completes.

The marker's ``original_schedule_time`` is the worker's wall clock. Its ``complete_time`` is not: it is the workflow's
own clock, which begins with the workflow task's start and advances by each last attempt's run time. So the difference
to the clock before it is how long the last attempt ran, exactly; when it ran is known only of attempts that the worker
began by themselves: the first one, and one that a timer brought back.

What a timer brings back has an id of its own, unless the workflow's code gave it one: it is known by its type and by
the schedule of the first attempt.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from temporalio.api.history.v1 import MarkerRecordedEventAttributes

from durascope import identity
from durascope._history_activities import implied_attempts
from durascope._history_failures import read_failure
from durascope._history_inherited import note
from durascope._history_payloads import Decode, ModelResult, json_object, json_value, model_result
from durascope.identity import RunKey
from durascope.records import AttemptFacts, Kind, Micros, OperationFacts, RetryBy, Source, Status

LOCAL_ACTIVITY_MARKER = "core_local_activity"


@dataclass(slots=True)
class LocalActivities:
    """All local activities of one run, by activity id; a retry by timer is another marker of the same activity."""

    run: RunKey
    decode: Decode | None = None
    operations: dict[str, OperationFacts] = field(default_factory=dict)
    _attempts: dict[str, list[AttemptFacts]] = field(default_factory=dict)
    _clock: Micros = 0
    _waiting: dict[tuple[str, int, int], str] = field(default_factory=dict)  # for a timer: type, schedule -> first id

    def inherit(self, base_run_id: str) -> None:
        """A reset: what is closed by now ran in that run."""
        for name, operation in self.operations.items():
            if operation.closed is not None and self._attempts.pop(name, []):
                self.operations[name] = replace(operation, attempts=0, detail=note(base_run_id))

    def task_started(self, at: Micros) -> None:
        """WorkflowTaskStarted: the workflow's clock is set."""
        self._clock = max(self._clock, at)

    def closed_operations(self, run_closed: Micros | None) -> Iterator[OperationFacts]:
        """All of them; one that waited for its next attempt when its run closed was cancelled at that moment."""
        for operation in self.operations.values():
            if operation.closed is None and run_closed is not None:
                yield replace(operation, status=Status.CANCELLED, closed=run_closed)
            else:
                yield operation

    @property
    def attempts(self) -> list[AttemptFacts]:
        """Every attempt that a marker tells of or implies."""
        return [attempt for some in self._attempts.values() for attempt in some]

    def marker(
        self, event_id: int, at: Micros, attrs: MarkerRecordedEventAttributes, models: frozenset[str]
    ) -> ModelResult | None:
        """Take one marker; the result of a model call, if it was one (``models``: their activity types)."""
        data = json_object(_first(attrs, "data"), self.decode)
        name = str(data.get("activity_type") or _text(_first(attrs, "type"), self.decode) or "local activity")
        number = _positive(data.get("attempt"))
        scheduled = _stamp(data.get("original_schedule_time")) or at
        backoff = _span(data.get("backoff"))
        activity_id = self._first_id(name, data, event_id, waits=backoff is not None)
        attempt = self._timed(activity_id, number, scheduled, at, _stamp(data.get("complete_time")))
        result = None
        if name in models and (payload := _first(attrs, "result")) is not None:
            result = model_result(payload, self.decode)
        cause = read_failure(attrs.failure, self.decode) if attrs.HasField("failure") else None
        attempt = replace(
            attempt,
            status=cause.status if cause else Status.OK,
            error_type=cause.type if cause else None,
            error_message=cause.message if cause else None,
            http_status=cause.http_status if cause else None,
            retry_delay_ms=backoff,
            retry_by=None if backoff is None else RetryBy.POLICY,
            model=result.model if result else None,
            response_id=result.response_id if result else None,
            tokens=result.tokens if result else None,
        )
        self._add(activity_id, scheduled, attempt)
        kind = Kind.MODEL if name in models else Kind.LOCAL_ACTIVITY
        self._operation(activity_id, kind, name, event_id, scheduled, attempt, waits=backoff is not None)
        return result

    def _first_id(self, name: str, data: dict[str, Any], event_id: int, *, waits: bool) -> str:
        own = str(data.get("activity_id") or f"local-{event_id}")
        schedule = data.get("original_schedule_time")
        if not isinstance(schedule, dict):
            return own
        seconds, nanos = schedule.get("seconds"), schedule.get("nanos")
        chain = (name, seconds if isinstance(seconds, int) else 0, nanos if isinstance(nanos, int) else 0)
        first = own if own in self.operations else self._waiting.pop(chain, own)
        if waits:
            self._waiting[chain] = first
        return first

    def _timed(
        self, activity_id: str, number: int, scheduled: Micros, at: Micros, clock: Micros | None
    ) -> AttemptFacts:
        ran = clock - self._clock if clock is not None and clock >= self._clock else None
        begun = self._clock
        self._clock = max(self._clock, clock or 0)
        known = self._attempts.get(activity_id, ())
        queued: Micros | None = None
        started: Micros | None
        if number == 1:  # it starts in the worker that scheduled it: its schedule is as good as its start
            queued, started = scheduled, scheduled
        elif known and known[-1].attempt == number - 1:  # the timer brought it back; it began with its task
            started = begun
        else:
            started = None
        exact = started is not None and ran is not None
        ended = min(started + ran, at) if started is not None and ran is not None else at
        if started is None and ran is not None:
            started = at - ran  # at the latest its end was recorded; so it began no later than this
        return AttemptFacts(
            *self.run, activity_id, number, Status.OK, Source.HISTORY,
            queued=queued, started=started, ended=ended, estimated=not exact,
        )  # fmt: skip

    def _add(self, activity_id: str, scheduled: Micros, attempt: AttemptFacts) -> None:
        known = self._attempts.setdefault(activity_id, [])
        first = known[-1].attempt + 1 if known else 1
        for number in implied_attempts(first, attempt.attempt):  # retried inside the worker: nobody wrote down when
            queued = scheduled if number == 1 else None
            known.append(
                AttemptFacts(
                    *self.run, activity_id, number, Status.ERROR, Source.HISTORY, queued=queued, estimated=True
                )
            )
        known.append(attempt)

    def _operation(
        self,
        activity_id: str,
        kind: Kind,
        name: str,
        event_id: int,
        scheduled: Micros,
        last: AttemptFacts,
        *,
        waits: bool,
    ) -> None:
        before = self.operations.get(activity_id)
        self.operations[activity_id] = OperationFacts(
            *self.run,
            operation_id=identity.activity_operation(activity_id),
            kind=kind,
            name=name,
            status=Status.PENDING if waits else last.status,
            scheduled=before.scheduled if before else scheduled,
            closed=None if waits else last.ended,
            activity_id=activity_id,
            activity_type=name,
            attempts=last.attempt,
            event_id=before.event_id if before else event_id,
            error_type=last.error_type,
            error_message=last.error_message,
        )


def _first(attrs: MarkerRecordedEventAttributes, name: str) -> Any:
    payloads = attrs.details[name].payloads if name in attrs.details else ()
    return payloads[0] if payloads else None


def _text(payload: Any, decode: Decode | None) -> str | None:
    value = json_value(payload, decode) if payload is not None else None
    return value if isinstance(value, str) else None


def _positive(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 1


def _stamp(value: object) -> Micros | None:
    if not isinstance(value, dict) or not isinstance(value.get("seconds"), int):
        return None
    return int(value["seconds"]) * 1_000_000 + int(value.get("nanos") or 0) // 1000


def _span(value: object) -> float | None:
    found = _stamp(value)
    return None if found is None else found / 1000
