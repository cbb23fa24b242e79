"""History files as Temporal's UI and CLI write them: both enum spellings, full and shorthand payloads."""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError
from temporalio.api.history.v1 import HistoryEvent

from durascope.exceptions import HistoryError

_PAYLOAD, _PAYLOADS = "temporal.api.common.v1.Payload", "temporal.api.common.v1.Payloads"
_JSON_ENCODING = base64.b64encode(b"json/plain").decode()
_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class HistoryFile:
    """The events of a file, and the ids that its start event tells (None where it does not)."""

    events: list[HistoryEvent]
    workflow_id: str | None
    run_id: str | None
    namespace: str | None = None


def load_history_json(data: str | bytes) -> HistoryFile:
    """Parse a history file. Raises HistoryError, which says what was found instead of a history."""
    try:
        document = json.loads(data)
    except ValueError as error:
        raise HistoryError(f"this is no history file: not JSON ({error}); download it again as JSON") from error
    events = [_event(item, number) for number, item in enumerate(_event_list(document), start=1)]
    if not events:
        raise HistoryError("this history file has no events; download the whole history as JSON")
    workflow_id = run_id = None
    for event in events:
        if event.HasField("workflow_execution_started_event_attributes"):
            start = event.workflow_execution_started_event_attributes
            workflow_id = start.workflow_id or None
            run_id = start.original_execution_run_id or start.first_execution_run_id or None
            break
    return HistoryFile(events, workflow_id, run_id)


def _event_list(document: Any) -> list[Any]:
    if isinstance(document, dict) and "history" in document:
        document = document["history"]
    if isinstance(document, dict):
        document = document.get("events")
    if not isinstance(document, list):
        raise HistoryError(
            'this is no history file: it has no list of "events"; '
            "download one with: temporal workflow show --workflow-id ID --output json"
        )
    return document


def _event(item: Any, number: int) -> HistoryEvent:
    if not isinstance(item, dict):
        raise HistoryError(f"event {number} of this history file is {type(item).__name__}, not an object")
    try:
        return ParseDict(_normal(item, HistoryEvent.DESCRIPTOR), HistoryEvent(), ignore_unknown_fields=True)
    except (ParseError, ValueError, TypeError) as error:
        raise HistoryError(f"event {number} of this history file cannot be read: {error}") from error


def _normal(value: Any, message: Descriptor) -> Any:
    """The same JSON as protobuf's parser wants it."""
    if message.full_name == _PAYLOAD:
        return _payload(value)
    if message.full_name == _PAYLOADS and isinstance(value, list):
        return {"payloads": [_payload(item) for item in value]}
    if not isinstance(value, dict):
        return value
    fields = message.fields_by_camelcase_name
    return {
        name: _field(item, field) if (field := fields.get(name) or message.fields_by_name.get(name)) else item
        for name, item in value.items()
    }


def _field(value: Any, field: FieldDescriptor) -> Any:
    if value is None:
        return None
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        entry = field.message_type.fields_by_name["value"]
        return {key: _field(item, entry) for key, item in value.items()} if isinstance(value, dict) else value
    if field.is_repeated and isinstance(value, list):
        return [_single(item, field) for item in value]
    return _single(value, field)


def _single(value: Any, field: FieldDescriptor) -> Any:
    if field.message_type is not None:
        return _normal(value, field.message_type)
    if field.enum_type is not None and isinstance(value, str):
        return _enum(value, field.enum_type)
    return value


def _enum(value: str, enum: EnumDescriptor) -> str | int:
    """``ActivityTaskScheduled`` and ``EVENT_TYPE_ACTIVITY_TASK_SCHEDULED`` are the same; what is new is 0."""
    if value in enum.values_by_name:
        return value
    screaming = _WORD_START.sub("_", value).upper()
    return next((name for name in enum.values_by_name if name.endswith(f"_{screaming}")), 0)


def _payload(value: Any) -> Any:
    """A full payload as it is; anything else is the CLI's shorthand: the decoded JSON value itself."""
    if isinstance(value, dict) and isinstance(value.get("metadata"), dict) and value.keys() <= {"metadata", "data"}:
        return {**value, "metadata": {key: _base64(item) for key, item in value["metadata"].items()}}
    data = base64.b64encode(json.dumps(value).encode()).decode()
    return {"metadata": {"encoding": _JSON_ENCODING}, "data": data}


def _base64(value: Any) -> Any:
    """Metadata is base64, except in files that the UI wrote with payloads decoded."""
    if not isinstance(value, str):
        return value
    try:
        decoded = base64.b64decode(value, validate=True)
        if decoded.isascii():
            return value
    except (binascii.Error, ValueError):  # plain text, see above
        pass
    return base64.b64encode(value.encode()).decode()
