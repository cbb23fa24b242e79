"""A fresh collector over a fresh store for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collector.running import RunningCollector


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningCollector]:
    """Without history; see RunningCollector."""
    with RunningCollector(tmp_path / "store.duckdb") as collector:
        yield collector
