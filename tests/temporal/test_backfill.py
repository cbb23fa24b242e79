"""Closed runs into the store: which ones, once, resumable, and what is said when it cannot be."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.client import Client

from durascope.history import HistoryReader
from durascope.identity import RunKey
from durascope.records import RunStatus
from durascope_dashboard.cli import main
from durascope_dashboard.collector.history_rows import Histories
from durascope_dashboard.demo.dev_server import DevServer, free_port
from durascope_dashboard.exceptions import StoreLocked, StoreUnavailable, TemporalUnavailable, UsageError
from durascope_dashboard.store.duckdb_store import DuckStore
from durascope_dashboard.temporal import backfill as module
from durascope_dashboard.temporal.backfill import Backfill, closed_query, parse_since
from durascope_dashboard.temporal.batches import Tally
from durascope_dashboard.temporal.connection import TemporalConfig, connect
from durascope_dashboard.temporal.folding import Fold, Folded, Whole, folder
from durascope_dashboard.temporal.folding import fold as fold_here
from durascope_dashboard.temporal.opening import opened_sink
from tests.collector.running import RunningCollector
from tests.temporal.conftest import Memory, eventually, working

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def server() -> Iterator[DevServer]:
    """A server that holds six closed runs and an open one."""
    with DevServer() as running:

        async def fill() -> None:
            client = await Client.connect(running.address)
            async with working(client) as queue:
                for number in range(5):
                    await client.execute_workflow("Child", "return", id=f"closed-{number}", task_queue=queue)
                await client.execute_workflow("Retried", id="retried", task_queue=queue)
            await client.start_workflow("Child", "wait", id="open", task_queue="nobody")
            while (await client.count_workflows("CloseTime IS NOT NULL")).count < 6:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.05)

        asyncio.run(fill())
        yield running


async def backfill(server: DevServer, memory: Memory, query: str | None = None) -> Tally:
    return await Backfill(await connect(TemporalConfig(server.address)), memory, query=query).run()


@pytest.mark.server
async def test_closed_runs_are_stored_and_open_ones_left(server: DevServer, memory: Memory) -> None:
    """Six of seven; the second time all are known and none is fetched."""
    tally = await backfill(server, memory)
    assert (tally.total, tally.stored, tally.known, tally.done) == (6, 6, 0, 6)
    assert {key.workflow_id for key in memory.records} == {*(f"closed-{n}" for n in range(5)), "retried"}
    assert memory.status("retried") is RunStatus.COMPLETED
    again = await backfill(server, memory)
    assert (again.stored, again.known, again.done) == (0, 6, 6)
    assert len(memory.written) == 6


@pytest.mark.server
async def test_a_query_narrows_it(server: DevServer, memory: Memory) -> None:
    """In visibility's own language."""
    tally = await backfill(server, memory, "WorkflowType = 'Retried' OR WorkflowId = 'open'")
    assert (tally.total, tally.stored) == (1, 1)


@pytest.mark.server
async def test_a_query_that_temporal_refuses_is_one_sentence(server: DevServer, memory: Memory) -> None:
    """It names the query."""
    with pytest.raises(UsageError, match=r"does not take the query .*WorkflowType ==="):
        await backfill(server, memory, "WorkflowType === 3")


@pytest.mark.server
async def test_an_interrupted_one_keeps_what_it_read(
    server: DevServer, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled in the middle; the next one reads only the rest."""
    monkeypatch.setattr("durascope_dashboard.temporal.batches.BATCH", 1)
    stop = asyncio.Event()
    write = memory.write_histories

    def write_one(histories: Histories) -> None:
        write(histories)
        if len(memory.records) >= 2:
            loop.call_soon_threadsafe(stop.set)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(memory, "write_histories", write_one)
    connection = await connect(TemporalConfig(server.address))
    work = asyncio.create_task(Backfill(connection, memory, in_flight=1).run())
    await asyncio.wait_for(stop.wait(), 30)
    work.cancel()
    await asyncio.wait([work])
    stored = len(memory.records)
    assert stored >= 2
    tally = await backfill(server, memory)
    assert (tally.known, tally.stored) == (stored, 6 - stored)
    assert len(memory.written) == 6


@pytest.mark.server
@pytest.mark.parametrize("failing", [{1}, {3, 4}, {1, 2}])
async def test_a_commit_that_fails_ends_it_and_loses_nothing(
    server: DevServer, memory: Memory, monkeypatch: pytest.MonkeyPatch, failing: set[int]
) -> None:
    """It is raised, what was stored stays and is counted, and the same again stores the rest."""
    monkeypatch.setattr("durascope_dashboard.temporal.batches.BATCH", 1)
    write, commits = memory.write_histories, count(1)

    def write_or_fail(histories: Histories) -> None:
        if next(commits) in failing:
            raise OSError("No space left on device")
        write(histories)

    monkeypatch.setattr(memory, "write_histories", write_or_fail)
    filling = Backfill(await connect(TemporalConfig(server.address)), memory, in_flight=1)
    with pytest.raises(StoreUnavailable, match=r"did not take \d runs \(No space left on device\); make room"):
        await filling.run()
    stored = len(memory.records)
    assert filling.tally.stored == stored < 6
    assert (await backfill(server, memory)).stored == 6 - stored
    assert len(memory.written) == 6


@pytest.mark.server
async def test_a_run_that_is_not_understood_is_counted_and_left_out(
    server: DevServer, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it raises; the others are stored."""
    feed = HistoryReader.feed

    def feed_or_fail(reader: HistoryReader, event: HistoryEvent) -> None:
        if reader.key.workflow_id == "closed-3":
            raise KeyError("unexpected")
        feed(reader, event)

    monkeypatch.setattr(HistoryReader, "feed", feed_or_fail)
    tally = await backfill(server, memory)
    assert (tally.stored, tally.unreadable, tally.done) == (5, 1, 6)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six runs are many."""
    monkeypatch.setattr(module, "MANY", 1)


async def read_by(server: DevServer, fold: Fold) -> tuple[Tally, Memory]:
    """What a backfill stores with that fold."""
    memory = Memory()
    filling = Backfill(await connect(TemporalConfig(server.address)), memory, fold=fold)
    return await filling.run(), memory


@pytest.mark.server
@pytest.mark.usefixtures("many")
async def test_many_are_folded_in_another_process_and_give_the_same(server: DevServer, memory: Memory) -> None:
    """Record by record; also when that process is killed, and when it cannot be started."""
    await Backfill(await connect(TemporalConfig(server.address)), memory).run()

    def killed(wholes: Sequence[Whole]) -> Folded:
        child._process.kill()  # type: ignore[union-attr]  # it was started
        folded: Folded = child(wholes)
        return folded

    def never(_: Sequence[Whole]) -> Folded:
        raise OSError("no more processes")

    with closing(folder().start()) as child:
        for fold in (child, killed, never):
            tally, elsewhere = await read_by(server, fold)
            assert (tally.stored, tally.unreadable) == (6, 0)
            assert elsewhere.records == memory.records


@pytest.mark.server
@pytest.mark.usefixtures("many")
async def test_a_large_history_is_folded_page_by_page(
    server: DevServer, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of it is handed over, and no page is left out."""
    await Backfill(await connect(TemporalConfig(server.address)), memory).run()
    monkeypatch.setattr(module, "LARGE", 100)
    monkeypatch.setattr(module, "page_size", lambda _: 2)
    handed: list[Whole] = []

    def watched(wholes: Sequence[Whole]) -> Folded:
        handed.extend(wholes)
        return fold_here(wholes)

    tally, elsewhere = await read_by(server, watched)
    assert tally.stored == 6 and not handed
    assert elsewhere.records == memory.records


def test_what_cannot_be_folded_is_told_and_the_rest_is_folded() -> None:
    """A history without its first event, bytes that are none, and one that is whole."""
    start = HistoryEvent(event_id=1, event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED)
    start.workflow_execution_started_event_attributes.workflow_type.name = "Child"
    pages = {"whole": History(events=[start]).SerializeToString(), "none": b"", "torn": b"\xff\xff"}
    folded = fold_here([Whole(RunKey("default", name, "r"), [page]) for name, page in pages.items()])
    assert [run.workflow_id for run in folded.histories.runs] == ["whole"]
    assert folded.histories.tables["history_runs"]["workflow_type"].to_pylist() == ["Child"]
    missing, torn = folded.unreadable
    assert "none has no WorkflowExecutionStarted event" in missing and torn.startswith("run r of workflow torn cannot")


@pytest.mark.server
async def test_a_namespace_that_is_not_there_is_one_sentence(server: DevServer, memory: Memory) -> None:
    """No group of errors."""
    connection = await connect(TemporalConfig(server.address, ("nowhere",)))
    with pytest.raises(TemporalUnavailable, match=r"Temporal refused \(.*nowhere.*\); check the namespace"):
        await Backfill(connection, memory).run()


@pytest.mark.server
async def test_the_server_may_go_away_in_the_middle(tmp_path: Path, memory: Memory) -> None:
    """It is waited for, and nothing is read twice."""
    server = DevServer(port=free_port(), db=tmp_path / "temporal.db")
    with server:
        client = await Client.connect(server.address)
        async with working(client) as queue:
            for number in range(3):
                await client.execute_workflow("Child", "return", id=f"closed-{number}", task_queue=queue)
        connection = await connect(TemporalConfig(server.address))
    filling = Backfill(connection, memory)
    work = asyncio.create_task(filling.run())
    await eventually(lambda: filling.server.state == "down", "the server away")
    with server:
        await eventually(lambda: filling.server.state == "running", "the server back", within=60)
        tally = await asyncio.wait_for(work, 30)
    assert tally.stored == 3 and len(memory.written) == 3


@pytest.mark.server
def test_the_command(server: DevServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`durascope backfill`, then `durascope runs`; a second time there is nothing left to do."""
    store = str(tmp_path / "backfilled.duckdb")
    arguments = ["backfill", "--temporal", server.address, "--store", store, "--since", "1d"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == "6 runs stored, 0 were there already\n"
    assert main(arguments) == 0
    assert capsys.readouterr().out == "0 runs stored, 6 were there already\n"
    assert main(["runs", "--json", "--store", store]) == 0
    runs = json.loads(capsys.readouterr().out)
    assert {run["workflow_id"] for run in runs} == {*(f"closed-{n}" for n in range(5)), "retried"}
    (retried,) = (run for run in runs if run["workflow_id"] == "retried")
    assert retried["retries"]["retries"] == 6


@pytest.mark.server
def test_a_full_disk_is_one_sentence(
    server: DevServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1, no traceback."""

    def fail(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(DuckStore, "replace", fail)
    assert main(["backfill", "--temporal", server.address, "--store", str(tmp_path / "full.duckdb")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("durascope: the store did not take 6 runs (No space left") and error.count("\n") == 1


def test_nobody_there_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, no traceback."""
    address = f"127.0.0.1:{free_port()}"
    assert main(["backfill", "--temporal", address, "--store", str(tmp_path / f"{uuid4()}.duckdb")]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"durascope: no Temporal server answers at {address}") and error.count("\n") == 1


NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30m", NOW - timedelta(minutes=30)),
        ("12h", NOW - timedelta(hours=12)),
        ("7d", NOW - timedelta(days=7)),
        ("2w", NOW - timedelta(weeks=2)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T08:30", datetime(2026, 11, 20, 8, 30, tzinfo=UTC)),
        ("2026-11-20T08:30+02:00", datetime(2026, 11, 20, 8, 30, tzinfo=timezone(timedelta(hours=2)))),
    ],
)
def test_since(text: str, moment: datetime) -> None:
    """An age, a day, or a moment."""
    assert parse_since(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "7", "7y", "-7d", "99999999999w"])
def test_since_that_is_no_time(text: str) -> None:
    """One sentence with examples."""
    with pytest.raises(UsageError, match="is no time; write 7d"):
        parse_since(text, NOW)


def test_the_query_of_closed_runs() -> None:
    """The user's own condition stays one condition."""
    assert closed_query(None, None) == "CloseTime IS NOT NULL"
    assert closed_query("A = 1 OR B = 2", None) == "CloseTime IS NOT NULL AND (A = 1 OR B = 2)"
    assert closed_query(None, NOW) == "CloseTime >= '2026-11-23T12:00:00.000Z'"


@pytest.mark.server
def test_a_backfill_goes_through_the_collector_that_runs(
    server: DevServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It owns the file. What was written can be read when the command ends; a second time there is nothing to do."""
    path = tmp_path / "owned.duckdb"
    with RunningCollector(path) as running:
        monkeypatch.setenv("DURASCOPE_SERVER", running.url)
        for options in ([], ["--store", str(path)], ["--server", running.url]):
            assert main(["backfill", "--temporal", server.address, *options]) == 0
        stored, again, named = capsys.readouterr().out.splitlines()
        assert stored == "6 runs stored, 0 were there already"
        assert again == named == "0 runs stored, 6 were there already"
        statuses = running.reader.query("runs")["status"].to_pylist()
        assert statuses == ["completed"] * 6
        assert running.collector.health()["histories"] == 6


def test_a_store_that_something_else_holds_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That says which process, and what to do."""
    monkeypatch.setenv("DURASCOPE_SERVER", f"http://127.0.0.1:{free_port()}")
    path = tmp_path / "store.duckdb"
    code = f"from durascope_dashboard.store.duckdb_store import DuckStore as S\ns = S({str(path)!r})\n"
    code += "print(1, flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            with pytest.raises(StoreLocked, match=f"in use by process {holder.pid}; .*--server") as error:
                opened_sink(path).__enter__()
            assert "\n" not in str(error.value)
        finally:
            holder.kill()
