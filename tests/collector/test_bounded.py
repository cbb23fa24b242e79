"""Queries that take too long, or are too many: they are ended, and hold up nothing else."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pyarrow as pa
import pytest

from durascope_dashboard.collector import bounded, read_api
from durascope_dashboard.collector.bounded import BoundedReader
from durascope_dashboard.exceptions import StoreUnavailable, UnknownQuery
from durascope_dashboard.temporal.files import read_file
from durascope_dashboard.temporal.remote_sink import RemoteSink
from tests.collector.running import RunningCollector, until
from tests.histories.recording import GOLDEN

ENDLESS = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range + b.range = -1"


def test_a_query_that_takes_too_long_is_ended(running: RunningCollector, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one sentence; the same thread's next one is answered, and so are other errors as they are."""
    store: Any = running.collector.store
    reader = BoundedReader(store, limit_s=0.1)
    with monkeypatch.context() as patch:
        patch.setattr(store, "query", lambda name: store.sql(ENDLESS))
        with pytest.raises(StoreUnavailable, match=r"the query 'runs' took longer than 0 s and was ended"):
            reader.query("runs")
    assert BoundedReader(store).query("runs").num_rows == 0
    with pytest.raises(UnknownQuery):
        reader.query("nonsense")


def test_the_read_api_says_so(monkeypatch: pytest.MonkeyPatch, running: RunningCollector) -> None:
    """As 503, which a reader raises as it was raised there."""

    def query(self: BoundedReader, name: str, **params: Any) -> pa.Table:
        raise StoreUnavailable("took longer")

    monkeypatch.setattr(bounded.BoundedReader, "query", query)
    assert httpx.get(running.url + "/api/v1/query/runs").status_code == 503
    with pytest.raises(StoreUnavailable, match="took longer"):
        running.reader.query("runs")


def test_readers_do_not_hold_up_what_arrives(running: RunningCollector, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many queries are under way: histories are stored, and the health check answers."""
    go_on, under_way = threading.Event(), threading.Semaphore(0)
    store = running.collector.store
    query = store.query

    def slow(name: str, **params: Any) -> pa.Table:
        under_way.release()
        go_on.wait(30)
        return query(name, **params)

    monkeypatch.setattr(store, "query", slow)
    url = running.url + "/api/v1/query/runs"
    with ThreadPoolExecutor(2 * read_api.READERS) as readers:
        answers = [readers.submit(httpx.get, url, timeout=60) for _ in range(2 * read_api.READERS)]
        try:
            for _ in range(read_api.READERS):
                assert under_way.acquire(timeout=30)
            RemoteSink(running.reader).write_history([read_file(GOLDEN / "retried-1.json")])
            until(lambda: running.reader.health()["histories"] == 1, "the history")
        finally:
            go_on.set()
        assert {answer.result().status_code for answer in answers} == {200}
