"""`durascope doctor` over a real store and a real Temporal server."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from durascope_dashboard.cli import main
from durascope_dashboard.demo.dev_server import DevServer, free_port
from tests.cli.facts import fill
from tests.store.rows import put_joined


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store file with two closed runs."""
    path: Path = tmp_path_factory.mktemp("store") / "runs.duckdb"
    fill(path)
    return str(path)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DURASCOPE_SERVER", "TEMPORAL_ADDRESS", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_EXPORTER"):
        monkeypatch.delenv(name, raising=False)


def examined(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    code = main(["doctor", "--json", *arguments])
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"status", "checks"}
    return code, {check["check"]: check for check in found["checks"]}


def test_without_temporal_it_fails_and_says_how_to_name_it(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1; everything else is looked at all the same."""
    code, checks = examined(capsys, "--store", store, "--temporal", f"127.0.0.1:{free_port()}")
    assert code == 1
    assert checks["temporal"]["level"] == "failed" and "TEMPORAL_ADDRESS" in checks["temporal"]["next_step"]
    assert "connection refused" in checks["temporal"]["found"]
    assert {name: check["level"] for name, check in checks.items()} == {
        "versions": "ok", "sampling": "ok", "collector": "warning", "store": "ok", "telemetry": "ok", "tokens": "ok",
        "token sources": "ok", "clocks": checks["clocks"]["level"], "temporal": "failed",
    }  # fmt: skip


def test_without_a_store_it_says_what_to_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither collector nor store."""
    missing = str(tmp_path / "none.duckdb")
    code, checks = examined(capsys, "--store", missing, "--temporal", f"127.0.0.1:{free_port()}")
    assert code == 1 and checks["collector"]["level"] == "failed" and "none.duckdb" in checks["collector"]["found"]


@pytest.mark.server
async def test_a_queue_that_nobody_polls_is_found(
    temporal_server: DevServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A workflow on a queue without a worker: the queue is named, and its open run is in the store."""
    import asyncio

    from durascope_dashboard.store.duckdb_store import DuckStore
    from tests.analysis.facts import joined, run

    queue = f"deserted-{uuid.uuid4().hex[:8]}"
    client = await Client.connect(temporal_server.address)
    handle = await client.start_workflow("Nobody", id=queue, task_queue=queue)
    path = tmp_path / "runs.duckdb"
    with DuckStore(path) as open_store:
        put_joined(open_store, joined(history_runs=[run(closed=None, workflow_id=queue, task_queue=queue)]))
    code, checks = await asyncio.to_thread(
        examined, capsys, "--store", str(path), "--temporal", temporal_server.address
    )
    await handle.terminate()
    assert checks["temporal"]["level"] == "ok"
    assert code == 1 and queue in checks["task queues"]["found"]


def test_a_person_reads_marks_and_next_steps(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line a check, an arrow before what to do."""
    assert main(["doctor", "--store", store, "--temporal", f"127.0.0.1:{free_port()}"]) == 1
    shown = capsys.readouterr().out
    assert "✓ versions" in shown and "✗ temporal" in shown and "→ " in shown
