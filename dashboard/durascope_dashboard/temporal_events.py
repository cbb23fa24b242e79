"""The events of one operation in a run's history, asked of Temporal when somebody wants to see them.

The store keeps no event: events hold what was said to and by models. They are read, shown and forgotten.
"""

import asyncio
import base64
import json
from collections.abc import Iterable
from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from temporalio.api.history.v1 import HistoryEvent
from temporalio.service import RPCError

from durascope.identity import RunKey
from durascope_dashboard.exceptions import NotFound, TemporalUnavailable
from durascope_dashboard.temporal.connection import TemporalConfig, connect
from durascope_dashboard.temporal.pages import history_page

TIMEOUT_S: Final = 8.0
MOST_EVENTS: Final = 20_000
# How an event names the one that began what it goes on with.
_BEGAN: Final = ("scheduledEventId", "startedEventId", "initiatedEventId")
_CLOSES: Final = ("COMPLETED", "FAILED", "TIMED_OUT", "CANCELED", "TERMINATED", "FIRED", "REJECTED")
_READABLE: Final = ("json/plain", "json/protobuf")
Json = dict[str, Any]


def events_of(run: RunKey, event_id: int, *, closed: bool, config: TemporalConfig | None = None) -> list[Json]:
    """:func:`read`, for a page: it has no event loop."""
    return asyncio.run(read(run, event_id, closed=closed, config=config))


async def read(run: RunKey, event_id: int, *, closed: bool, config: TemporalConfig | None = None) -> list[Json]:
    """The event with this id and all that follow from it, as Temporal's JSON with readable payloads decoded.

    ``closed``: read on until the event that closes it. Raises TemporalUnavailable, NotFound, UsageError.
    """
    try:
        return await asyncio.wait_for(_read(run, event_id, closed, config), TIMEOUT_S)
    except TimeoutError as error:
        raise TemporalUnavailable(
            f"the history of {run.workflow_id} did not come within {TIMEOUT_S:.0f} s; look at it in Temporal's UI"
        ) from error
    except RPCError as error:
        raise NotFound(
            f"Temporal does not give the history of {run.workflow_id} ({error.message}); it may be past its retention"
        ) from error


async def _read(run: RunKey, event_id: int, closed: bool, config: TemporalConfig | None) -> list[Json]:
    connection = await connect(config)
    found: list[Json] = []
    token, last = b"", 0
    while True:
        page = await history_page(connection.client, run, token, wait=False)
        events = page.history.events
        found += related((event for event in events if event.event_id >= event_id), event_id)
        last = events[-1].event_id if events else last
        whole = closed and any(event["eventType"].endswith(_CLOSES) for event in found[1:])
        token = page.token
        if not token or whole or last > event_id + MOST_EVENTS:
            return found


def related(events: Iterable[HistoryEvent], event_id: int) -> list[Json]:
    """Of these events the one with the id, and those that name it as what they go on with."""
    found = []
    for event in events:
        told = MessageToDict(event)
        body: Json = next((value for name, value in told.items() if name.endswith("EventAttributes")), {})
        if event.event_id == event_id or str(event_id) in (str(body.get(name)) for name in _BEGAN):
            found.append(_readable(told))
    return found


def _readable(value: Any) -> Any:
    """The same JSON with each payload that is plain JSON in place of its base64."""
    if isinstance(value, list):
        return [_readable(part) for part in value]
    if not isinstance(value, dict):
        return value
    if "data" in value and isinstance(value.get("metadata"), dict):
        return _payload(value)
    return {name: _readable(part) for name, part in value.items()}


def _payload(value: Json) -> Any:
    encoding = base64.b64decode(value["metadata"].get("encoding", "")).decode(errors="replace")
    data = base64.b64decode(value["data"])
    if encoding in _READABLE:
        try:
            return json.loads(data)
        except ValueError:
            return {"encoding": encoding, "bytes": len(data), "note": "not the JSON that it says it is"}
    return {"encoding": encoding, "bytes": len(data), "note": "not readable without the codec of the workers"}
