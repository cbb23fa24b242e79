"""A fresh store of each engine."""

from collections.abc import Iterator

import pytest

from durascope_dashboard.store.engine import Store
from durascope_dashboard.store.location import Location, open_store


@pytest.fixture
def store(location: Location) -> Iterator[Store]:
    """An empty store of each engine."""
    with open_store(location) as opened:
        yield opened
