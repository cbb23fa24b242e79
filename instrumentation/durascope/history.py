"""Temporal event histories as records: pure, one pass, and no payload kept but what usage needs.

``read_history`` folds a whole history; ``HistoryReader`` takes events as they come, for runs that are still open.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent

from durascope._activity_types import MODEL_ACTIVITIES
from durascope._history_activities import Activities, duration_ms, micros
from durascope._history_json import HistoryFile, load_history_json
from durascope._history_local import LOCAL_ACTIVITY_MARKER, LocalActivities
from durascope._history_operations import Others
from durascope._history_outcomes import ACTIVITY_OUTCOMES, BENIGN_CAUSES, RUN_OUTCOMES, WORK_OUTCOMES
from durascope._history_payloads import Decode, json_object, json_value
from durascope._history_run import Run
from durascope._history_waits import Waits
from durascope.conventions import HEADER_DURASCOPE, HEADER_NEXUS_PARENT, INTERNAL_HANDLERS
from durascope.exceptions import HistoryError
from durascope.identity import RunKey, child_operation, nexus_operation
from durascope.records import HistoryRecord, Kind, Micros, Status

__all__ = ["HistoryError", "HistoryFile", "HistoryReader", "load_history_json", "read_history"]


def read_history(
    events: Iterable[HistoryEvent], namespace: str, workflow_id: str, run_id: str, *, decode: Decode | None = None
) -> HistoryRecord:
    """One run's record from its events, oldest first (gaps and repeats are tolerated).

    ``decode`` turns an encoded payload into a plain one, or None; without it encoded usage is unknown.
    Raises HistoryError if the start event is missing.
    """
    reader = HistoryReader(RunKey(namespace, workflow_id, run_id), decode)
    for event in events:
        reader.feed(event)
    return reader.record()


class HistoryReader:
    """Folds events into a record that can be asked for at any time. Not thread-safe."""

    def __init__(self, key: RunKey, decode: Decode | None = None) -> None:
        self.key = key
        self.last_event_id = 0
        self._run = Run(key)
        self._activities = Activities(key)
        self._local = LocalActivities(key)
        self._others = Others(key)
        self.decode = decode
        self._waits = Waits(key)
        self._timers: dict[str, int] = {}
        self._admitted: dict[str, str] = {}
        self._events = self._bytes = 0

    @property
    def decode(self) -> Decode | None:
        """Turns an encoded payload into a plain one; may be set anew before each event."""
        return self._decode

    @decode.setter
    def decode(self, decode: Decode | None) -> None:
        self._decode = decode
        for each in (self._run, self._activities, self._local, self._others):
            each.decode = decode

    @property
    def model_calls(self) -> set[int]:
        """Ids of the events that scheduled a model activity still open."""
        return {
            event_id
            for event_id, activity in self._activities.by_event.items()
            if activity.kind is Kind.MODEL and activity.closed is None
        }

    @property
    def closed(self) -> bool:
        """Whether the closing event has been read."""
        return self._run.closed is not None

    @property
    def pending_activities(self) -> bool:
        """Whether an activity is open: only Describe knows what its attempts are doing."""
        return not self.closed and any(a.closed is None for a in self._activities.by_event.values())

    def feed(self, event: HistoryEvent) -> None:
        """Take the next event; one that was there before is dropped."""
        event_id = event.event_id
        if event_id <= self.last_event_id:
            return
        self.last_event_id = event_id
        self._events += 1
        self._bytes += event.ByteSize()
        if self._waits.unsure is not None and _is_command(event):
            self._waits.commanded()
        found = _HANDLERS.get(event.event_type)
        if found is not None:
            handler, attributes = found
            if not event.HasField(attributes):
                raise HistoryError(
                    f"event {event_id} of workflow {self.key.workflow_id} has no attributes of its type; "
                    "download the history again"
                )
            handler(self, event, micros(event.event_time), getattr(event, attributes))

    def record(self) -> HistoryRecord:
        """What is known so far. Raises HistoryError before the start event was read."""
        if self._run.started is None:
            raise HistoryError(
                f"the history of workflow {self.key.workflow_id} has no WorkflowExecutionStarted event "
                f"among its {self._events} events; download the whole history"
            )
        closed = self._run.closed
        open_waits, open_humans = self._waits.now_waiting(closed)
        waits, humans = [*self._waits.waits, *open_waits], [*self._waits.humans, *open_humans]
        operations = [
            *self._activities.operations(closed),
            *self._local.closed_operations(closed),
            *self._others.operations(closed),
            *humans,
        ]
        facts = self._run.facts(
            events=self._events,
            size=self._bytes,
            last_event_id=self.last_event_id,
            conversation_id=self._activities.conversation_id,
        )
        operations.sort(key=lambda op: (op.scheduled, op.event_id or 0))
        return HistoryRecord(facts, operations, [*self._activities.attempts(closed), *self._local.attempts], waits)

    # One method an event, named as the event.

    def _started(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        self._run.start(at, attrs)

    def _task_scheduled(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        self._waits.task_scheduled(at)
        self._others.task_scheduled(at, attrs.attempt - 1)

    def _task_started(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        self._local.task_started(at)

    def _task_completed(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        self._run.task_completed(attrs)
        self._waits.task_ended(event.event_id, at, completed=True)

    def _task_failed(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        self._waits.task_ended(event.event_id, at, completed=False)
        if attrs.cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW:
            self._inherit(attrs.base_run_id)
        elif attrs.cause not in BENIGN_CAUSES:
            name = WorkflowTaskFailedCause.Name(attrs.cause).removeprefix("WORKFLOW_TASK_FAILED_CAUSE_").lower()
            self._others.task_failed(event.event_id, at, name, Status.ERROR, attrs.failure)

    def _inherit(self, base_run_id: str) -> None:
        """All that is closed by now was done by the run that this one was reset from."""
        self._run.reset_from(base_run_id)
        self._activities.inherit(base_run_id)
        self._local.inherit(base_run_id)
        self._others.inherit(base_run_id)

    def _task_timed_out(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        self._waits.task_ended(event.event_id, at, completed=False)
        self._others.task_failed(event.event_id, at, "timed_out", Status.TIMEOUT)

    def _activity_scheduled(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        self._waits.open_work += 1
        summary = json_value(event.user_metadata.summary, self.decode) if self._run.agent_summaries else None
        self._activities.scheduled(event.event_id, at, attrs, summary if isinstance(summary, str) else None)

    def _activity_started(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        self._activities.started(at, attrs)

    def _activity_closed(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        self._waits.open_work = max(self._waits.open_work - 1, 0)
        self._waits.internal()
        self._activities.closed(at, attrs, ACTIVITY_OUTCOMES[event.event_type])

    def _marker(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        if attrs.marker_name == LOCAL_ACTIVITY_MARKER:
            result = self._local.marker(event.event_id, at, attrs, MODEL_ACTIVITIES)
            self._activities.asked_for |= result.calls if result else frozenset()

    def _child_initiated(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        self._waits.open_work += 1
        own_id = child_operation(attrs.workflow_id, self._others.nth(f"child {attrs.workflow_id}"))
        ours = json_object(attrs.header.fields.get(HEADER_DURASCOPE), self.decode)
        parent = ours.get("parent")
        self._others.open(event.event_id, at, Kind.CHILD, attrs.workflow_type.name, attrs.workflow_id, own_id, parent)

    def _work_closed(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        self._waits.open_work = max(self._waits.open_work - 1, 0)
        self._waits.internal()
        opener = getattr(attrs, "initiated_event_id", 0) or getattr(attrs, "scheduled_event_id", 0)
        self._others.close(opener, at, WORK_OUTCOMES[event.event_type], getattr(attrs, "failure", None))

    def _nexus_scheduled(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        self._waits.open_work += 1
        name = f"{attrs.service}.{attrs.operation}"
        own_id = nexus_operation(attrs.service, attrs.operation, self._others.nth(f"nexus {name}"))
        parent = attrs.nexus_header.get(HEADER_NEXUS_PARENT)
        self._others.open(event.event_id, at, Kind.NEXUS, name, attrs.endpoint, own_id, parent)

    def _timer_started(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        self._waits.open_timers += 1
        self._timers[attrs.timer_id] = event.event_id
        seconds = (duration_ms(attrs, "start_to_fire_timeout") or 0) / 1000
        self._others.open(event.event_id, at, Kind.TIMER, "timer", f"{seconds:g} s")

    def _timer_closed(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        self._waits.open_timers = max(self._waits.open_timers - 1, 0)
        fired = event.event_type == EventType.EVENT_TYPE_TIMER_FIRED
        if fired:  # a cancelled one ended with the workflow task that cancelled it
            self._waits.internal()
        opener = self._timers.pop(attrs.timer_id, attrs.started_event_id)
        self._others.close(opener, at, Status.OK if fired else Status.CANCELLED)

    def _signalled(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        if attrs.signal_name.startswith(INTERNAL_HANDLERS):
            return
        self._waits.signalled(at, attrs.signal_name)
        self._others.open(event.event_id, at, Kind.SIGNAL, attrs.signal_name, attrs.signal_name)
        self._others.close(event.event_id, at, Status.OK)

    def _update_admitted(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        self._admitted[attrs.request.meta.update_id] = attrs.request.input.name

    def _update_accepted(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        name = attrs.accepted_request.input.name or self._admitted.get(attrs.protocol_instance_id, "update")
        if name.startswith(INTERNAL_HANDLERS):
            return
        self._waits.updated(name)
        self._others.open(event.event_id, at, Kind.UPDATE, name, name)

    def _update_completed(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        failure = attrs.outcome.failure if attrs.outcome.HasField("failure") else None
        self._others.close(attrs.accepted_event_id, at, Status.OK if failure is None else Status.ERROR, failure)

    def _cancel_requested(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        self._waits.internal()

    def _closed(self, event: HistoryEvent, at: Micros, attrs: Any) -> None:
        self._run.close(at, attrs, RUN_OUTCOMES[event.event_type])


def _is_command(event: HistoryEvent) -> bool:
    """Whether the workflow's code brought the event about."""
    attributes = event.WhichOneof("attributes")
    return bool(attributes and getattr(getattr(event, attributes), "workflow_task_completed_event_id", 0))


_Handler = Callable[[HistoryReader, HistoryEvent, Micros, Any], None]
_R = HistoryReader
_BY_TYPE: Final[dict[int, _Handler]] = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: _R._started,
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED: _R._task_scheduled,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED: _R._task_started,
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED: _R._task_completed,
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED: _R._task_failed,
    EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT: _R._task_timed_out,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: _R._activity_scheduled,
    EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED: _R._activity_started,
    **dict.fromkeys(ACTIVITY_OUTCOMES, _R._activity_closed),
    EventType.EVENT_TYPE_MARKER_RECORDED: _R._marker,
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: _R._child_initiated,
    EventType.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED: _R._nexus_scheduled,
    **dict.fromkeys(WORK_OUTCOMES, _R._work_closed),
    EventType.EVENT_TYPE_TIMER_STARTED: _R._timer_started,
    EventType.EVENT_TYPE_TIMER_FIRED: _R._timer_closed,
    EventType.EVENT_TYPE_TIMER_CANCELED: _R._timer_closed,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: _R._signalled,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED: _R._update_admitted,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: _R._update_accepted,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED: _R._update_completed,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED: _R._cancel_requested,
    **dict.fromkeys(RUN_OUTCOMES, _R._closed),
}
# With the field that each event's attributes are in.
_HANDLERS: Final[dict[int, tuple[_Handler, Any]]] = {
    each: (handler, f"{EventType.Name(each).removeprefix('EVENT_TYPE_').lower()}_event_attributes")  # type: ignore[arg-type]  # stubs
    for each, handler in _BY_TYPE.items()
}
