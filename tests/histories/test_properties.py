"""Whatever a history holds, in whatever order, cut anywhere: a record that adds up, or one HistoryError."""

import copy
import json
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from temporalio.api.history.v1 import HistoryEvent

from durascope.history import HistoryError, HistoryReader, load_history_json, read_history
from durascope.identity import RunKey
from durascope.records import HistoryRecord, RunStatus, Status
from tests.histories.recording import GOLDEN

KEY = RunKey("default", "w", "r")
OPEN = {Status.PENDING, Status.RUNNING}
NAMES = sorted(path.name for path in GOLDEN.glob("*-*.json"))
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@cache
def events_of(name: str) -> tuple[HistoryEvent, ...]:
    return tuple(load_history_json((GOLDEN / name).read_bytes()).events)


def read(events: tuple[HistoryEvent, ...]) -> HistoryRecord:
    return read_history(events, *KEY)


def assert_adds_up(record: HistoryRecord) -> None:
    """What every reader of a record may rely on."""
    closed = record.run.closed
    assert (closed is None) == (record.run.status is RunStatus.RUNNING)
    ids = [operation.operation_id for operation in record.operations]
    assert len(ids) == len(set(ids))
    by_activity = {operation.activity_id: operation for operation in record.operations if operation.activity_id}
    numbers: dict[str, list[int]] = {}
    for attempt in record.attempts:
        numbers.setdefault(attempt.activity_id, []).append(attempt.attempt)
        times = [t for t in (attempt.queued, attempt.started, attempt.ended) if t is not None]
        assert times == sorted(times), attempt
        if closed is not None:
            assert attempt.status not in OPEN
    for activity_id, found in numbers.items():
        assert found == list(range(1, by_activity[activity_id].attempts + 1))
    for operation in record.operations:
        assert operation.closed is None or operation.closed >= operation.scheduled, operation
        assert (operation.closed is None) == (operation.status in OPEN), operation
    for wait in record.waits:
        assert wait.ended is None or wait.ended >= wait.started
        assert closed is None or wait.ended is not None


@pytest.mark.parametrize("name", NAMES)
def test_every_prefix_adds_up(name: str) -> None:
    """A run is read while it is open: after each event the record is sound, and no number of attempts goes down."""
    reader = HistoryReader(KEY)
    known: dict[str, int] = {}
    for event in events_of(name):
        reader.feed(event)
        record = reader.record()
        assert_adds_up(record)
        for operation in record.operations:
            assert operation.attempts >= known.get(operation.operation_id, 0)
            known[operation.operation_id] = operation.attempts


@quick
@given(name=st.sampled_from(NAMES), cuts=st.lists(st.integers(0, 45)), data=st.data())
def test_pages_and_repeats_change_nothing(name: str, cuts: list[int], data: st.DataObject) -> None:
    """Pages that overlap, asked for in between: the same record as from one piece."""
    events = events_of(name)
    reader = HistoryReader(KEY)
    for cut in sorted(cuts):
        for event in events[max(0, cut - 3) : cut]:
            if event.event_id <= reader.last_event_id + 1:
                reader.feed(event)
        if reader.last_event_id and data.draw(st.booleans()):
            reader.record()
    for event in events[reader.last_event_id :]:
        reader.feed(event)
    assert reader.record() == read(events)


@quick
@given(name=st.sampled_from(NAMES), dropped=st.sets(st.integers(2, 45), max_size=12))
def test_a_gap_is_survived(name: str, dropped: set[int]) -> None:
    """Events that are not there (trimmed by hand, never sent) leave less to tell, and nothing that is false."""
    assert_adds_up_but_for_order(read(tuple(e for e in events_of(name) if e.event_id not in dropped)))


def assert_adds_up_but_for_order(record: HistoryRecord) -> None:
    """With events missing, activities may end without their start; ids and numbers hold all the same."""
    ids = [operation.operation_id for operation in record.operations]
    assert len(ids) == len(set(ids))
    for attempt in record.attempts:
        assert attempt.attempt >= 1
        if record.run.closed is not None:
            assert attempt.status not in OPEN


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**20) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@quick
@given(name=st.sampled_from(NAMES), index=st.integers(0, 10**6), value=JSON)
def test_a_damaged_file_is_read_or_refused(name: str, index: int, value: Any) -> None:
    """Any one value of the file replaced by anything: a record, or a HistoryError in one line. Never another error."""
    document = copy.deepcopy(json.loads((GOLDEN / name).read_text()))
    places = list(_places(document))
    holder, key = places[index % len(places)]
    holder[key] = value
    _read_or_refuse(json.dumps(document))


@quick
@given(text=st.text(max_size=60) | JSON.map(json.dumps))
def test_anything_at_all_is_refused(text: str) -> None:
    """What is no history is a HistoryError."""
    _read_or_refuse(text)


def _read_or_refuse(text: str) -> None:
    refused = None
    try:
        read_history(load_history_json(text).events, *KEY)
    except HistoryError as error:
        refused = str(error)
    assert refused is None or (refused and "\n" not in refused)


def _places(value: Any) -> Any:
    """Every (container, key) in a JSON document."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield value, key
        yield from _places(inner)


@pytest.mark.parametrize("attempts", [1, 2, 1000, 2_000_000])
def test_an_endless_retry_stays_small(attempts: int) -> None:
    """Millions of attempts are a number, not millions of rows."""
    changed = []
    for event in events_of("retried-1.json"):
        again = HistoryEvent.FromString(event.SerializeToString())
        if again.HasField("activity_task_started_event_attributes"):
            again.activity_task_started_event_attributes.attempt = attempts
        changed.append(again)
    record = read(tuple(changed))
    assert {operation.attempts for operation in record.operations} == {attempts}
    assert len(record.attempts) <= 6 * 1002
