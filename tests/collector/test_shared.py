"""Several collectors on one ClickHouse database: whichever received what, a run is joined from all of it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from durascope.identity import RunKey
from durascope_dashboard.collector.joiner import join_here
from durascope_dashboard.collector.otlp import decode_traces
from durascope_dashboard.collector.rollup import RollUp
from durascope_dashboard.collector.settings import Settings
from durascope_dashboard.collector.sharding import Shard
from durascope_dashboard.collector.tailing import Tail
from durascope_dashboard.demo.dev_server import free_port
from durascope_dashboard.exceptions import UsageError
from durascope_dashboard.reader import connect
from durascope_dashboard.store.clickhouse_store import ClickHouseStore
from durascope_dashboard.store.keys import run_keys_table
from durascope_dashboard.store.location import ClickHouseUrl
from tests.collector.running import RunningCollector, until
from tests.collector.spans import RUN, attempt_span, request
from tests.store import rows as made
from tests.store.rows import rows

DURASCOPE = (sys.executable, "-m", "durascope._main")
PROTOBUF = {"Content-Type": "application/x-protobuf"}


def send(to: RunningCollector, body: bytes) -> None:
    answer = httpx.post(f"{to.url}/v1/traces", content=body, headers=PROTOBUF)
    assert answer.status_code == 200, answer.text


def spans(*attempts: int, run: RunKey = RUN, seq: int = 0) -> dict[str, pa.Table]:
    """Attempt spans of a run as the collector writes them."""
    tables = decode_traces(request(*(attempt_span(run, attempt=n) for n in attempts))).tables()
    numbers = pa.array(range(seq, seq + len(attempts)), pa.int64())
    return tables | {"spans": tables["spans"].append_column("seq", numbers)}


class Joined:
    """A join that remembers which runs it was asked for."""

    def __init__(self) -> None:
        self.runs: set[str] = set()

    def __call__(self, evidence: Any, now: int) -> Any:
        self.runs |= set(evidence["spans"]["run_id"].to_pylist())
        return join_here(evidence, now)


def test_spans_of_a_run_that_arrive_at_two_collectors_are_one_run(clickhouse_url: ClickHouseUrl) -> None:
    """Each joins what the other stored too; nothing is doubled, and readers need neither of them."""
    with RunningCollector(clickhouse_url) as one, RunningCollector(clickhouse_url) as other:
        for number in range(1, 7):
            send(one if number % 2 else other, request(attempt_span(attempt=number)))
            send(other, request(attempt_span(attempt=1)))  # sent again, to somebody else
        reader = connect(store=clickhouse_url)

        def run() -> Any:
            rows = reader.query("run", workflow_id=RUN.workflow_id).to_pylist()
            return rows and rows[0]["attempts"] == 6 and rows[0]["duplicate_spans"] == 6 and rows[0]

        found = until(run, "all six attempts, the repetitions counted")
        assert found["span_attempts"] == 6
        assert reader.query("spans", workflow_id=RUN.workflow_id).num_rows == 6
        assert reader.query("attempts", workflow_id=RUN.workflow_id)["attempt"].to_pylist() == [1, 2, 3, 4, 5, 6]
        assert one.reader.query("run", workflow_id=RUN.workflow_id)["attempts"].to_pylist() == [6]
        assert one.reader.health()["store"] == str(clickhouse_url)
        reader.close()


def test_shards_divide_the_runs_and_leave_none_out(clickhouse_url: ClickHouseUrl) -> None:
    """Whoever received its spans, a run is joined by the one collector whose shard it is in."""
    runs = [RUN._replace(workflow_id=f"w{n}", run_id=f"r{n}") for n in range(12)]
    joins = [Joined(), Joined()]
    settings = [Settings(shard=Shard(n, 2)) for n in (1, 2)]
    with (
        RunningCollector(clickhouse_url, join=joins[0], settings=settings[0]) as one,
        RunningCollector(clickhouse_url, join=joins[1], settings=settings[1]),
    ):
        send(one, request(*(attempt_span(run) for run in runs)))
        until(lambda: one.reader.query("runs").num_rows == 12, "every run joined")
        assert one.reader.health()["shard"] == "1/2"
    assert joins[0].runs | joins[1].runs == {run.run_id for run in runs}
    assert not joins[0].runs & joins[1].runs
    assert all(joins[n].runs for n in (0, 1))


def test_a_join_of_older_evidence_never_stands_over_one_of_newer(clickhouse_url: ClickHouseUrl) -> None:
    """Two collectors join the same run; the slower one read its evidence first and writes last."""
    with ClickHouseStore(clickhouse_url) as slow, ClickHouseStore(clickhouse_url) as quick:
        slow.write(spans(1))
        first = slow.clock()
        stale = join_here(slow.evidence_tables([RUN]), first)
        quick.write(spans(2, seq=1))
        second = quick.clock()
        quick.replace_joined(join_here(quick.evidence_tables([RUN]), second), as_of=second)
        slow.replace_joined(stale, as_of=first)
        assert slow.query("run", workflow_id=RUN.workflow_id)["attempts"].to_pylist() == [2]
        assert slow.query("attempts", workflow_id=RUN.workflow_id)["attempt"].to_pylist() == [1, 2]


def test_a_tail_sees_what_others_wrote_and_each_row_once(clickhouse_url: ClickHouseUrl) -> None:
    """Spans, attempts that began, histories and observations alike; not what this collector wrote itself."""

    with ClickHouseStore(clickhouse_url) as own, ClickHouseStore(clickhouse_url) as others:
        rollup = RollUp(own)
        tail = Tail(own, rollup)
        own.write(spans(1))
        assert tail.look() == 0
        told = {
            "spans": spans(1, run=RUN._replace(run_id="a"))["spans"],
            "span_attempts": spans(1, run=RUN._replace(run_id="b"))["span_attempts"],
            "history_runs": rows("history_runs", {"run_id": "c", "last_event_id": 3}),
            "observations": rows("observations", {"run_id": "d", "activity_id": "1", "attempt": 1}),
        }
        for count, (table, written) in enumerate(told.items(), start=1):
            others.append(table, written)
            assert tail.look() == 1 and rollup.dirty_count == count
        assert tail.look() == 0
        others.append("observations", told["observations"])
        assert tail.look() == 1


def test_the_longer_history_stands_whoever_read_it(clickhouse_url: ClickHouseUrl) -> None:
    """A follower that fetched a run before it closed and writes after one that saw it close changes nothing."""

    def history(events: int, status: str) -> dict[str, pa.Table]:
        run = {"last_event_id": events, "status": status, "from_history": True}
        operations = [{"operation_id": f"activity:{n}"} for n in range(events)]
        tables: dict[str, list[dict[str, Any]]] = {"history_runs": [run], "history_operations": operations}
        return {name: rows(name, *told) for name, told in tables.items()}

    keys = run_keys_table([(made.RUN["namespace"], made.RUN["workflow_id"], made.RUN["run_id"])])
    with ClickHouseStore(clickhouse_url) as one, ClickHouseStore(clickhouse_url) as other:
        one.replace(keys, history(9, "completed"))
        other.replace(keys, history(4, "running"))
        assert one.sql("SELECT status FROM history_runs")["status"].to_pylist() == ["completed"]
        assert one.sql("SELECT count(*) AS n FROM history_operations")["n"].to_pylist() == [9]
        other.replace(keys, history(9, "failed"))  # as long: the later one
        assert one.sql("SELECT status FROM history_runs")["status"].to_pylist() == ["failed"]


@pytest.mark.parametrize("text", ["", "2", "0/2", "3/2", "a/b", "1/2/3"])
def test_a_shard_is_one_of_some(text: str) -> None:
    """Anything else is one sentence."""
    with pytest.raises(UsageError, match="is not a shard; write"):
        Shard.parse(text)


def test_a_file_is_not_shared(tmp_path: Any) -> None:
    """One collector owns it, so there is nothing to divide."""
    with pytest.raises(UsageError, match="--shard 1/2 needs a store that collectors share"):
        RunningCollector(tmp_path / "s.duckdb", settings=Settings(shard=Shard(1, 2))).__enter__()


def collect(store: str, http: int, grpc: int) -> "subprocess.Popen[bytes]":
    """`durascope collect` as a process, once it is ready."""
    addresses = ["--otlp-http", f"127.0.0.1:{http}", "--otlp-grpc", f"127.0.0.1:{grpc}"]
    process = subprocess.Popen([*DURASCOPE, "collect", "--store", store, "--no-history", *addresses])

    def ready() -> bool:
        assert process.poll() is None, "the collector has ended"
        try:
            return httpx.get(f"http://127.0.0.1:{http}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    until(ready, "the collector", 60)
    return process


def test_killed_after_the_acknowledgement_nothing_is_lost(tmp_path: Path) -> None:
    """A process over a folder of its own: SIGKILL, another start joins what was not; SIGTERM ends that with 0."""
    store, http, grpc = f"chdb://{tmp_path}/store", free_port(), free_port()
    first = collect(store, http, grpc)
    url = f"http://127.0.0.1:{http}/v1/traces"
    try:
        assert httpx.post(url, content=request(attempt_span(), attempt_span(attempt=2)), headers=PROTOBUF).is_success
    finally:
        first.kill()
        first.wait(20)
    second = collect(store, http, grpc)
    try:
        reader = connect(f"http://127.0.0.1:{http}")
        until(lambda: reader.query("runs")["attempts"].to_pylist() == [2], "the run joined")
        assert reader.query("store_info")["spans"].to_pylist() == [2]
        reader.close()
    finally:
        second.terminate()
        assert second.wait(30) == 0
