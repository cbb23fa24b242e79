"""Histories that others have read: stored whole, once, and anything that is none refused before it is stored."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from durascope.identity import RunKey
from durascope.records import HistoryRecord
from durascope_dashboard.cli import main
from durascope_dashboard.collector.history_rows import Histories
from durascope_dashboard.collector.payloads import Overloaded
from durascope_dashboard.exceptions import StoreUnavailable
from durascope_dashboard.remote_reader import RemoteReader
from durascope_dashboard.temporal import remote_sink
from durascope_dashboard.temporal.files import read_file
from durascope_dashboard.temporal.remote_sink import RemoteSink
from tests.collector.running import RunningCollector, until
from tests.histories.recording import GOLDEN

PATH = "/api/v1/histories"


def golden() -> list[HistoryRecord]:
    """Every golden history; no two of one run."""
    return [read_file(path) for path in sorted(GOLDEN.glob("*-*.json"))]


def columns(record: HistoryRecord) -> dict[str, Any]:
    """A body, as Python."""
    return {name: rows.to_pydict() for name, rows in Histories.of([record]).tables.items()}


def joined(reader: RemoteReader, key: RunKey) -> list[Any]:
    return [reader.query(name, **key._asdict()).to_pylist() for name in ("run", "operations", "attempts")]


def keys(records: list[HistoryRecord]) -> list[RunKey]:
    return [RunKey(r.run.namespace, r.run.workflow_id, r.run.run_id) for r in records]


def test_it_stores_what_a_local_import_stores(running: RunningCollector, tmp_path: Path) -> None:
    """The same rows, and readers have them when the sink says so. Twice changes nothing."""
    records = golden()
    with RunningCollector(tmp_path / "local.duckdb") as local:
        local.collector.ingest.write_history(records)
        until(lambda: not local.collector.health()["dirty_runs"], "the joined runs")
        sink = RemoteSink(running.reader)
        for _ in range(2):
            sink.write_history(records)
            sink.wait_until_joined()
            for key in keys(records):
                expected, found = (joined(reader, key) for reader in (local.reader, running.reader))
                for run in (*expected[0], *found[0]):
                    del run["updated"], run["duration_ms"]
                assert found == expected
        assert sink.known_closed([*keys(records), RunKey("a", "b", "c")]) == {
            key for key, record in zip(keys(records), records, strict=True) if record.run.closed
        }
        assert running.reader.query("store_info")["runs"].to_pylist() == [len(records)]


def test_a_batch_that_is_large_goes_in_parts(running: RunningCollector, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them arrive."""
    monkeypatch.setattr(remote_sink, "_LARGE", 5000)
    records = golden()
    RemoteSink(running.reader).write_history(records)
    health = running.collector.health()
    assert health["histories"] == len(records) and health["commits"] > 1


def test_a_collector_that_is_busy_is_asked_again(running: RunningCollector, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it says so, within the sink's patience; then one sentence says what it said."""
    sink, records = RemoteSink(running.reader), golden()[:1]
    ingest = running.collector.ingest
    refusals = [Overloaded("one"), Overloaded("two")]
    monkeypatch.setattr(Overloaded, "retry_after_s", 0)

    def check_room() -> None:
        if refusals:
            raise refusals.pop()

    monkeypatch.setattr(ingest, "check_room", check_room)
    sink.write_history(records)
    assert not refusals and ingest.counters.histories == 1
    monkeypatch.setattr(remote_sink, "PATIENCE_S", 0.0)
    refusals.append(Overloaded("rows are waiting"))
    with pytest.raises(StoreUnavailable, match=r"did not store the histories \(429: rows are waiting\)"):
        sink.write_history(records)


def _without(column: str) -> Any:
    return lambda body: body["history_runs"].pop(column)


def _put(table: str, column: str, value: Any) -> Any:
    return lambda body: body[table].__setitem__(column, [value] * len(body[table][column]))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda body: body.pop("history_waits"), "exactly these members"),
        (lambda body: body.update(spans={}), "exactly these members"),
        (lambda body: body.update(history_runs=[]), "exactly these columns"),
        (_without("status"), "exactly these columns"),
        (lambda body: body["history_runs"].update(status="completed"), "has to be a list"),
        (lambda body: body["history_runs"]["status"].append("failed"), "another type"),
        (_put("history_runs", "started", "now"), "another type"),
        (_put("history_runs", "started", 2**63), "another type"),
        (_put("history_runs", "workflow_id", "half a pair: \ud800"), "another type"),
        (_put("history_runs", "status", "won"), "has 'won'; there is: cancelled, completed"),
        (_put("history_operations", "kind", "magic"), "has 'magic'"),
        (_put("history_runs", "run_id", None), r"history_runs\.run_id has a null"),
        (_put("history_attempts", "attempt", None), r"history_attempts\.attempt has a null"),
        (_put("history_operations", "run_id", "other"), "of a run that history_runs does not have"),
    ],
)
def test_what_is_no_history_is_one_sentence(running: RunningCollector, spoil: Any, says: str) -> None:
    """With status 400; nothing of it is stored, and the next good one is."""
    record = read_file(GOLDEN / "retried-1.json")
    body = columns(record)
    spoil(body)
    answer = httpx.post(running.url + PATH, content=json.dumps(body).encode())
    assert answer.status_code == 400 and re.search(says, answer.json()["message"])
    RemoteSink(running.reader).write_history([record])
    assert running.collector.health()["histories"] == 1


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400),
        (b"[]", {}, 400),
        (b'{"history_runs": NaN}', {}, 400),
        (b"[" * 100_000, {}, 400),
        (b"\xff\xfe", {}, 400),
        (gzip.compress(b"[" + b"1," * (40 << 20), mtime=0), {"Content-Encoding": "gzip"}, 413),
        (b"x", {"Content-Encoding": "br"}, 415),
        (b"x", {"Content-Encoding": "gzip"}, 400),
        (b"x" * ((16 << 20) + 1), {}, 413),
        (b"{}", {"Origin": "http://attacker.example"}, 403),
        (b"{}", {"Host": "attacker.example"}, 421),
    ],
)
def test_bodies_that_are_hostile(running: RunningCollector, body: bytes, headers: dict[str, str], status: int) -> None:
    """Too deep, too large once inflated, from another page: a status, and the collector goes on."""
    for path in (PATH, PATH + "/known"):
        assert httpx.post(running.url + path, content=body, headers=headers).status_code == status
    assert running.collector.health()["queued_rows"] == 0 and running.collector.receiver.budget.held == 0


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda x: st.lists(x, max_size=2),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_value_anywhere_is_stored_or_refused(running: RunningCollector, data: st.DataObject) -> None:
    """Never a server error; and whatever was stored can be joined."""
    body = columns(read_file(GOLDEN / "retried-1.json"))
    table = data.draw(st.sampled_from(sorted(body)))
    column = data.draw(st.sampled_from(sorted(body[table])))
    body[table][column] = [data.draw(JSON_VALUES) for _ in body[table][column]]
    answer = httpx.post(running.url + PATH, content=json.dumps(body).encode())
    assert answer.status_code in (200, 400), answer.text
    RemoteSink(running.reader).wait_until_joined()
    assert running.collector.health()["rollup_errors"] == 0


def test_import_goes_through_the_collector_that_runs(
    running: RunningCollector, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file is added to the store that the collector owns."""
    monkeypatch.setenv("DURASCOPE_SERVER", running.url)
    assert main(["import", str(GOLDEN / "retried-1.json")]) == 0
    name = capsys.readouterr().out.split()[0]
    assert main(["show", name, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["workflow_id"] == name
