"""What is pushed by OTLP is what `/metrics` says, and a receiver that is away is waited for."""

import threading
from collections.abc import Iterator

import pytest

from durascope_dashboard.export.openmetrics import text
from durascope_dashboard.export.push import Push
from durascope_dashboard.export.send import Destination
from durascope_dashboard.local_reader import LocalReader
from tests.grafana.otlp_bridge import Bridge


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    """A receiver of OTLP metrics that keeps them as families."""
    with Bridge() as running:
        yield running


def test_a_push_says_what_metrics_says(reader: LocalReader, bridge: Bridge) -> None:
    """Every counter, gauge and histogram with its labels, buckets and exemplar."""
    push = Push(reader, Destination(f"http://{bridge.address}", "http/protobuf", signal="metrics").open())
    push.step()
    received = text(bridge.families.values())
    for line in (
        (
            'durascope_fleet_attempts_total{namespace="default",workflow_type="Research",kind="tool",name="search",'
            'agent="Planner",model="",build_id="",status="ok"} 1.0'
        ),
        'durascope_fleet_open_runs{namespace="default",workflow_type="Research",waiting="nothing"} 1.0',
        (
            'durascope_fleet_attempt_queue_time_seconds_bucket{namespace="default",workflow_type="Research",kind="model",'
            'task_queue="agents",le="1.0"} 2'
        ),
    ):
        assert f"\n{line}\n" in received
    assert " # {trace_id=" in received and push.pushes == 1 and push.points > 20


def test_a_receiver_that_is_away_is_counted(reader: LocalReader) -> None:
    """The next push says everything again: counters are cumulative."""
    away = Destination("http://127.0.0.1:1", "http/protobuf", signal="metrics").open(sleep=lambda seconds: stop.set())
    stop = threading.Event()
    push = Push(reader, away)
    push.run(stop, interval_s=0.01)
    assert (push.pushes, push.failures) == (0, 1)
