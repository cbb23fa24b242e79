"""Operations that are no activities: children, Nexus operations, timers, signals, updates, failed workflow tasks."""

from collections import Counter
from dataclasses import replace
from typing import Any

from durascope._history_failures import read_failure
from durascope._history_inherited import noted
from durascope._history_payloads import Decode
from durascope.identity import RunKey
from durascope.records import Kind, Micros, OperationFacts, Status


class Others:
    """Those of one run, by the event that opened them. ``decode``: see ``read_history``."""

    def __init__(self, key: RunKey) -> None:
        self.decode: Decode | None = None
        self._key = key
        self._operations: dict[int, OperationFacts] = {}
        self._begun: Counter[str] = Counter()
        self._failed_task: int | None = None

    def nth(self, name: str) -> int:
        """Which of this name begins now, from 1: workflows count the same way, so ids agree."""
        self._begun[name] += 1
        return self._begun[name]

    def open(
        self, event_id: int, at: Micros, kind: Kind, name: str,
        detail: str | None = None, own_id: str | None = None, parent: object = None,
    ) -> None:  # fmt: skip
        """One begins."""
        self._operations[event_id] = OperationFacts(
            *self._key,
            operation_id=own_id or f"{kind.value}:{event_id}",
            kind=kind,
            name=name,
            status=Status.RUNNING,
            scheduled=at,
            parent_span_id=parent if isinstance(parent, str) else None,
            event_id=event_id,
            detail=detail,
        )

    def close(self, opener: int, at: Micros, status: Status, failure: Any = None) -> None:
        """One ends; nothing where its beginning is not in the history."""
        operation = self._operations.get(opener)
        if operation is not None:
            cause = read_failure(failure, self.decode) if failure is not None and failure.ByteSize() else None
            self._operations[opener] = replace(
                operation,
                status=status,
                closed=at,
                error_type=cause.type if cause else None,
                error_message=cause.message if cause else None,
            )

    def task_failed(self, event_id: int, at: Micros, name: str, status: Status, failure: Any = None) -> None:
        """A workflow task failed or timed out; ``name``: why."""
        self.open(event_id, at, Kind.WORKFLOW_TASK_FAILURE, name)
        self.close(event_id, at, status, failure)
        self._failed_task = event_id

    def task_scheduled(self, at: Micros, failures: int) -> None:
        """Another workflow task, after so many failed ones in a row: the history leaves out all but the first."""
        if failures > 1 and self._failed_task is not None:
            found = self._operations[self._failed_task]
            self._operations[self._failed_task] = replace(found, closed=at, detail=f"{failures} times in a row")
        self._failed_task = None

    def inherit(self, base_run_id: str) -> None:
        """All that is closed by now was done by the run that this one was reset from."""
        self._operations = noted(self._operations, base_run_id)

    def operations(self, closed: Micros | None) -> list[OperationFacts]:
        """All; what is still open when the run closes ends with it."""
        return [
            replace(op, status=Status.CANCELLED, closed=closed) if closed is not None and op.closed is None else op
            for op in self._operations.values()
        ]
