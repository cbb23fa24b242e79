"""Which encoded payloads the reader would look into: decoded beforehand, a page at a time, they cost one call.

Everything else (prompts, tool values, results of other activities) never leaves the page it came in.
"""

from collections.abc import Container, Iterable, Iterator

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent

from durascope._activity_types import MODEL_ACTIVITIES
from durascope._history_local import LOCAL_ACTIVITY_MARKER
from durascope.conventions import HEADER_DURASCOPE, HEADER_TRACER

_PLAIN = (b"json/plain", b"json/protobuf", b"binary/protobuf", b"binary/plain", b"binary/null")


def encoded_payloads(events: Iterable[HistoryEvent], model_calls: Container[int]) -> list[Payload]:
    """Payloads that need a codec. ``model_calls``: ids of the model activities scheduled in events before these."""
    here: set[int] = set()
    return [
        payload
        for event in events
        for payload in _looked_into(event, here, model_calls)
        if payload.metadata.get("encoding", _PLAIN[0]) not in _PLAIN
    ]


def failure_payloads(failure: Failure) -> Iterator[Payload]:
    """The encoded messages of a failure and its causes."""
    while True:
        if failure.HasField("encoded_attributes"):
            yield failure.encoded_attributes
        if not failure.HasField("cause"):
            return
        failure = failure.cause


def _looked_into(event: HistoryEvent, here: set[int], before: Container[int]) -> Iterator[Payload]:
    name = event.WhichOneof("attributes")
    if name is None:
        return
    attributes = getattr(event, name)
    match event.event_type:
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED | EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            fields = attributes.header.fields
            yield from (fields[header] for header in (HEADER_TRACER, HEADER_DURASCOPE) if header in fields)
            if event.HasField("user_metadata"):
                yield event.user_metadata.summary
            if name.startswith("activity") and attributes.activity_type.name in MODEL_ACTIVITIES:
                here.add(event.event_id)
                yield from attributes.input.payloads[:1]
        case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            if attributes.scheduled_event_id in here or attributes.scheduled_event_id in before:
                yield from attributes.result.payloads[:1]
        case EventType.EVENT_TYPE_MARKER_RECORDED:
            if attributes.marker_name == LOCAL_ACTIVITY_MARKER:
                for payloads in attributes.details.values():
                    yield from payloads.payloads[:1]
        case EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            yield from failure_payloads(attributes.last_failure)
    if "failure" in attributes.DESCRIPTOR.fields_by_name and attributes.HasField("failure"):
        yield from failure_payloads(attributes.failure)
