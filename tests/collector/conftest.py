"""A fresh collector over a fresh store for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from durascope_dashboard.store.location import Location
from tests.collector.running import RunningCollector


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningCollector]:
    """Without history; see RunningCollector."""
    with RunningCollector(tmp_path / "store.duckdb") as collector:
        yield collector


@pytest.fixture
def on_either(location: Location) -> Iterator[RunningCollector]:
    """The same over a store of each engine."""
    with RunningCollector(location) as collector:
        yield collector
