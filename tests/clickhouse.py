"""ClickHouse for tests: chDB in this process, which has one engine and one folder; so a test has its own database."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from durascope_dashboard.store.clickhouse.client import connect
from durascope_dashboard.store.location import ClickHouseUrl

ENGINES = ("duckdb", "clickhouse")
_numbers = itertools.count(1)


class Engine:
    """The process's engine, kept open: opening it anew takes longer than most tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)
        self.client = connect(ClickHouseUrl("chdb", folder=self.folder, database="kept"), create=True)

    @contextmanager
    def database(self) -> Iterator[ClickHouseUrl]:
        """The URL of a database that is not there yet; what is made of it is dropped afterwards."""
        url = ClickHouseUrl("chdb", folder=self.folder, database=f"test_{next(_numbers)}")
        try:
            yield url
        finally:
            self.client.command(f"DROP DATABASE IF EXISTS {url.database}")
