"""Every scenario's histories: those kept in golden/, and fresh ones from the real server. Both must read the same."""

import asyncio
from collections.abc import Callable

import pytest

from durascope.records import AttemptFacts, HistoryRecord, OperationFacts
from durascope_dashboard.demo.dev_server import DevServer
from tests.histories.recording import Recording, Run, load, record


@pytest.fixture(scope="package")
def live(temporal_server: DevServer) -> Recording:
    """Recorded now."""
    return asyncio.run(record(temporal_server.address))


@pytest.fixture(scope="package")
def golden() -> Recording:
    """Recorded once."""
    return load()


@pytest.fixture(scope="package", params=["golden", pytest.param("live", marks=pytest.mark.server)])
def recording(request: pytest.FixtureRequest) -> Recording:
    """Either."""
    found: Recording = request.getfixturevalue(request.param)
    return found


Told = tuple[Run, HistoryRecord]


@pytest.fixture
def told(recording: Recording) -> Callable[..., Told]:
    """``told(scenario, number=1)``: a run of it, and what its history tells."""

    def find(scenario: str, number: int = 1) -> Told:
        run = recording.runs[scenario][number - 1]
        return run, run.record

    return find


def attempts_of(record: HistoryRecord, activity_id: str) -> list[AttemptFacts]:
    """In order."""
    return [attempt for attempt in record.attempts if attempt.activity_id == activity_id]


def operation_of(record: HistoryRecord, activity_id: str) -> OperationFacts:
    """The one with that activity id."""
    (found,) = (operation for operation in record.operations if operation.activity_id == activity_id)
    return found
