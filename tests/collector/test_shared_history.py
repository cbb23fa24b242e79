"""Two collectors follow one Temporal namespace into one ClickHouse database: each run by one of them, none left out."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from uuid import uuid4

import pytest
from temporalio.client import Client

from durascope.identity import RunKey
from durascope_dashboard.collector.ingest import Ingest
from durascope_dashboard.collector.settings import Settings
from durascope_dashboard.collector.sharding import Shard
from durascope_dashboard.demo.dev_server import DevServer
from durascope_dashboard.store.clickhouse_store import ClickHouseStore
from durascope_dashboard.store.location import ClickHouseUrl
from durascope_dashboard.temporal.connection import TemporalConfig
from durascope_dashboard.temporal.follower import Follower
from tests.collector.running import RunningCollector, until
from tests.temporal.conftest import QUICK, working

pytestmark = pytest.mark.server
RUNS = 6


@pytest.fixture
def pair(temporal_server: DevServer, clickhouse_url: ClickHouseUrl) -> Iterator[tuple[RunningCollector, ...]]:
    """Shards 1/2 and 2/2, following."""

    def collector(shard: Shard) -> RunningCollector:
        async def follow(ingest: Ingest) -> Follower:
            config = TemporalConfig(temporal_server.address, ("default",))
            return Follower(config, ingest, pace=QUICK, wanted=shard.owns)

        return RunningCollector(clickhouse_url, follow=follow, settings=Settings(shard=shard))

    with ExitStack() as stack:
        yield tuple(stack.enter_context(collector(Shard(number, 2))) for number in (1, 2))


async def _work(address: str, ids: list[str]) -> None:
    client = await Client.connect(address)
    async with working(client) as queue:
        slow = client.execute_workflow("Slow", id=ids[0], task_queue=queue)
        children = (client.execute_workflow("Child", "return", id=name, task_queue=queue) for name in ids[1:])
        await asyncio.gather(slow, *children)


def _writer(running: RunningCollector) -> str:
    store = running.collector.store
    assert isinstance(store, ClickHouseStore)
    return store.writer


def test_each_run_is_followed_and_joined_by_its_shard(
    temporal_server: DevServer, pair: tuple[RunningCollector, ...]
) -> None:
    """Histories, what Describe said between two attempts, and the watermark of each."""
    ids = [f"shared-{n}-{uuid4().hex[:8]}" for n in range(RUNS)]
    asyncio.run(_work(temporal_server.address, ids))
    reader, store = pair[0].reader, pair[1].collector.store

    def completed() -> bool:
        rows = reader.query("runs", workflow_id=ids).to_pylist()
        return len(rows) == RUNS and all(row["status"] == "completed" for row in rows)

    until(completed, "every run completed, whoever followed it")
    slow = reader.query("run", workflow_id=ids[0]).to_pylist()[0]
    assert (slow["attempts"], slow["failed_attempts"]) == (3, 2)
    rows = store.sql("SELECT DISTINCT namespace, workflow_id, run_id, _writer FROM history_runs_stored").to_pylist()
    writers = {c.collector.settings.shard: _writer(c) for c in pair}
    for row in rows:
        run = RunKey(row["namespace"], row["workflow_id"], row["run_id"])
        assert row["_writer"] == next(writer for shard, writer in writers.items() if shard.owns(run))
    assert {row["workflow_id"] for row in rows} >= set(ids)
    for shard in writers:
        until(partial(store.get_meta, f"watermark:default:{shard}"), f"a watermark of {shard}")
