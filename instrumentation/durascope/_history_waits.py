"""Intervals of a run that are no operation: workflow tasks, and idle time that somebody outside ended.

WFT completed, nothing open        signal, or the task that brings an update
  |<------------- external wait ------------>|
"""

from dataclasses import dataclass, field

from durascope.identity import RunKey
from durascope.records import Kind, Micros, OperationFacts, Status, WaitFacts

EXTERNAL, WORKFLOW_TASK = "external_wait", "workflow_task"


@dataclass(slots=True)
class Waits:
    """Folded from events in order. ``open_work`` counts activities, children and nexus operations that are open."""

    run: RunKey
    waits: list[WaitFacts] = field(default_factory=list)
    humans: list[OperationFacts] = field(default_factory=list)
    open_work: int = 0
    open_timers: int = 0
    unsure: tuple[Micros, int, Micros, str] | None = None
    _task_scheduled: Micros | None = None
    _idle: tuple[Micros, int] | None = None  # since when, and the event that began it
    _before_task: tuple[Micros, int, Micros] | None = None  # idle time that the current workflow task ended

    def task_scheduled(self, at: Micros) -> None:
        """WorkflowTaskScheduled: idle time ends; an update accepted in this task is what ended it."""
        if self._idle is not None:  # the task that the signal brought is over, and did nothing
            self.unsure = None
        if self._task_scheduled is None:  # else it is a failed task's next attempt
            self._task_scheduled = at
        idle = self._idle if self.open_work == 0 else None
        self._before_task = (*idle, at) if idle else None
        self._idle = None

    def task_ended(self, event_id: int, at: Micros, *, completed: bool) -> None:
        """WorkflowTaskCompleted, Failed or TimedOut."""
        if self._task_scheduled is not None:
            self.waits.append(WaitFacts(*self.run, WORKFLOW_TASK, self._task_scheduled, at))
        # One that failed is tried again at once and then ever more slowly; only the last try is written down.
        self._task_scheduled = None if completed else at
        self._idle = (at, event_id) if completed else None

    def internal(self) -> None:
        """Something of the run's own ended the idle time: a timer, an activity, a child, a cancel request."""
        self._idle = self.unsure = None

    def signalled(self, at: Micros, name: str) -> None:
        """A signal arrived."""
        if self._idle is not None and self.open_work == 0:
            if self.open_timers:  # a wait with a limit, or a sleep that the signal only fell into
                self.unsure = (*self._idle, at, name)
            else:
                self._ended(*self._idle, at, name)
        self._idle = None

    def commanded(self) -> None:
        """The workflow went on, so what the signal fell into was a wait for it."""
        if self.unsure is not None:
            self._ended(*self.unsure)
        self.unsure = None

    def updated(self, name: str) -> None:
        """An update was accepted by the workflow task before."""
        if self._before_task is not None:
            self._ended(*self._before_task, name)
        self._before_task = None

    def _ended(self, since: Micros, event_id: int, at: Micros, name: str) -> None:
        if at > since:
            self.waits.append(WaitFacts(*self.run, EXTERNAL, since, at))
            self.humans.append(self._human(since, event_id, at, name))

    def _human(self, since: Micros, event_id: int, at: Micros | None, name: str) -> OperationFacts:
        return OperationFacts(
            *self.run,
            operation_id=f"human_wait:{event_id}",
            kind=Kind.HUMAN_WAIT,
            name=name,
            status=Status.RUNNING if at is None else Status.OK,
            scheduled=since,
            closed=at,
            event_id=event_id,
        )

    def now_waiting(self, closed: Micros | None) -> tuple[list[WaitFacts], list[OperationFacts]]:
        """The workflow task under way (until the run closed), or the wait that only somebody outside can end."""
        if self._task_scheduled is not None:
            return [WaitFacts(*self.run, WORKFLOW_TASK, self._task_scheduled, closed)], []
        if closed is not None or self._idle is None or self.open_work or self.open_timers:
            return [], []
        since, event_id = self._idle
        return [WaitFacts(*self.run, EXTERNAL, since, None)], [self._human(since, event_id, None, "waiting")]
