"""History files as records: no server, no instrumentation."""

import hashlib
from pathlib import Path

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from durascope.history import HistoryError, load_history_json, read_history
from durascope.records import HistoryRecord
from durascope_dashboard.exceptions import InvalidHistory


def read_file(
    path: Path, *, namespace: str = "default", workflow_id: str | None = None, run_id: str | None = None
) -> HistoryRecord:
    """One file's record. Ids that the file tells win; a missing workflow id is the file's name.

    Raises InvalidHistory, which names the file and what is wrong with it.
    """
    try:
        data = path.read_bytes()
        file = load_history_json(data)
        found = (
            _run_id(file.events) or file.run_id or run_id or f"file-{hashlib.blake2b(data, digest_size=12).hexdigest()}"
        )
        return read_history(
            file.events, file.namespace or namespace, file.workflow_id or workflow_id or path.stem, found
        )
    except OSError as error:
        raise InvalidHistory(f"{path} cannot be read: {error.strerror}; check the path") from error
    except HistoryError as error:
        raise InvalidHistory(f"{path}: {error}") from error


def _run_id(events: list[HistoryEvent]) -> str | None:
    """The run id of a reset run: its start event was copied from the run before and names that one."""
    found = None
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            found = event.workflow_task_failed_event_attributes.new_run_id or found
    return found
