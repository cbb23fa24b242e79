"""History files as people get them: from the CLI, from the UI's server, with payloads in any of their spellings."""

import asyncio
import json
import subprocess
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from temporalio.client import Client

from durascope.history import HistoryError, load_history_json, read_history
from durascope.records import HistoryRecord, Tokens
from durascope_dashboard.cli import main
from durascope_dashboard.demo.dev_server import DevServer, temporal_binary
from durascope_dashboard.exceptions import InvalidHistory
from durascope_dashboard.temporal.files import read_file
from tests.histories.recording import GOLDEN
from tests.temporal.conftest import working


@pytest.fixture(scope="module")
def server() -> "DevServer":
    """One with the web UI's server, whose API is what the UI downloads from."""
    return DevServer(ui_port=0)


async def fetched(client: Client, name: str) -> HistoryRecord:
    """What the history says when it is read from the server."""
    handle = client.get_workflow_handle(name)
    run_id = (await handle.describe()).run_id
    return read_history([e async for e in handle.fetch_history_events()], "default", name, run_id)


def without_size(record: HistoryRecord) -> HistoryRecord:
    """A JSON file's events have another size once the JSON has lost what protobuf held."""
    return replace(record, run=replace(record.run, history_bytes=None))


@pytest.mark.server
@pytest.mark.timeout(120)
async def test_a_file_tells_what_the_server_tells(server: DevServer, tmp_path: Path) -> None:
    """CLI with shorthand payloads, CLI without, the UI's own API: the same record as from the server, tokens too."""
    with server:
        client = await Client.connect(server.address)
        async with working(client) as queue:
            for workflow, name in (("Asks", "asks"), ("Retried", "retried")):
                await client.execute_workflow(workflow, id=name, task_queue=queue)
        for name in ("asks", "retried"):
            expected = without_size(await fetched(client, name))
            show = [temporal_binary(), "workflow", "show", "--address", server.address, "-w", name, "--output", "json"]
            ui = f"http://127.0.0.1:{server.ui_port}/api/v1/namespaces/default/workflows/{name}/history"
            texts = {
                "cli": (await asyncio.to_thread(subprocess.run, show, check=True, capture_output=True)).stdout,
                "cli-full": (
                    await asyncio.to_thread(
                        subprocess.run, [*show, "--no-json-shorthand-payloads"], check=True, capture_output=True
                    )
                ).stdout,
                "ui": (await asyncio.to_thread(urllib.request.urlopen, ui)).read(),
            }
            for source, text in texts.items():
                path = tmp_path / f"{source}.json"
                path.write_bytes(text)
                assert without_size(read_file(path)) == expected, source
            if name == "asks":
                (attempt,) = expected.attempts
                assert attempt.tokens == Tokens(input=120, cached_input=64, output=30, reasoning=8)
                assert attempt.model == "gpt-4.1"


def golden_text(name: str = "retried-1.json") -> str:
    return (GOLDEN / name).read_text()


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda events: {"events": events},
        lambda events: events,
        lambda events: {"history": {"events": events}},
        lambda events: {"events": [{**e, "eventType": camel(e["eventType"])} for e in events]},
    ],
    ids=["events", "bare list", "http api", "old enum spelling"],
)
def test_every_wrapping_is_read(wrapped: "type") -> None:
    """The list itself, ``events``, ``history.events``; enums in today's and in the older spelling."""
    events = json.loads(golden_text())["events"]
    plain = load_history_json(golden_text())
    assert load_history_json(json.dumps(wrapped(events))).events == plain.events


def camel(name: str) -> str:
    """``EVENT_TYPE_TIMER_FIRED`` -> ``TimerFired``."""
    return "".join(part.title() for part in name.removeprefix("EVENT_TYPE_").split("_"))


def test_ids_come_from_the_file(tmp_path: Path) -> None:
    """The start event tells workflow and run; a reset run's own id is in its reset event."""
    index = json.loads((GOLDEN / "index.json").read_text())["files"]
    for name, told in index.items():
        run = read_file(GOLDEN / name).run
        assert (run.workflow_id, run.run_id) == (told["workflow_id"], told["run_id"]), name


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("\x00\x01PNG", "not JSON"),
        ("{}", 'no list of "events"'),
        ('{"events": {}}', 'no list of "events"'),
        ('"events"', 'no list of "events"'),
        ("[]", "no events"),
        ("[1]", "event 1 of this history file is int"),
        ('{"events": [{"eventId": "x"}]}', "event 1 of this history file cannot be read"),
        ('{"events": [{"eventId": "1", "eventType": "EVENT_TYPE_TIMER_STARTED"}]}', "has no attributes"),
        ('{"events": [{"eventId": "1", "eventTime": "yesterday"}]}', "event 1 of this history file cannot be read"),
    ],
)
def test_what_is_no_history_is_one_sentence(text: str, says: str, tmp_path: Path) -> None:
    """The file is named, what was found is told, and what to do."""
    path = tmp_path / "upload.json"
    path.write_text(text)
    with pytest.raises(InvalidHistory) as told:
        read_file(path)
    message = str(told.value)
    assert message.startswith(str(path)) and says in message and "\n" not in message
    assert len(message) < 400


def test_a_truncated_download_is_refused_or_read_as_open(tmp_path: Path) -> None:
    """Cut in the middle of the JSON it is no history; cut between events it is a run that is still open."""
    with pytest.raises(HistoryError, match="not JSON"):
        load_history_json(golden_text()[:5000])
    events = json.loads(golden_text())["events"]
    path = tmp_path / "half.json"
    path.write_text(json.dumps({"events": events[:20]}))
    assert read_file(path).run.closed is None
    path.write_text(json.dumps({"events": events[1:]}))
    with pytest.raises(InvalidHistory, match="no WorkflowExecutionStarted event"):
        read_file(path)


def test_imported_runs_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`durascope import`, then `durascope show`: no server, no instrumentation."""
    store = str(tmp_path / "imported.duckdb")
    assert main(["import", str(GOLDEN / "retried-1.json"), str(GOLDEN / "local-1.json"), "--store", store]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert "completed" in first and "completed" in second
    workflow_id = first.split()[0]
    assert main(["show", workflow_id, "--json", "--store", store]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["status"] == "completed"
    assert shown["retries"] == {"operations": 6, "attempts": 12, "retries": 6, "failed_attempts": 8}
    by_id = {operation["activity_id"]: operation for operation in shown["operations"]}
    assert [a["estimated"] for a in by_id["3"]["attempts"]] == [True, True, True, False]
    assert sum(v for k, v in shown["time_ms"].items() if k != "total") == pytest.approx(shown["time_ms"]["total"])


def test_a_newer_servers_events_are_passed_over() -> None:
    """Event types, enum values and fields that this version does not know change nothing."""
    document = json.loads(golden_text())
    plain = read_history(load_history_json(golden_text()).events, "default", "w", "r")
    last = int(document["events"][-1]["eventId"])
    document["events"].append(
        {
            "eventId": str(last + 1),
            "eventTime": "2026-11-23T12:00:00Z",
            "eventType": "EVENT_TYPE_FROM_THE_FUTURE",
            "fromTheFutureEventAttributes": {"a": [1]},
        }
    )
    document["events"][0]["hologram"] = {"x": 1}
    record = read_history(load_history_json(json.dumps(document)).events, "default", "w", "r")
    assert (record.operations, record.attempts) == (plain.operations, plain.attempts)
    assert record.run.status == plain.run.status
