"""`durascope runs`, `show` and `store info` over a real store file."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from durascope_dashboard.cli import main
from durascope_dashboard.cli.runs import VIEWS
from tests.cli import contract
from tests.cli.facts import fill


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store file with two runs."""
    path = tmp_path_factory.mktemp("store") / "runs.duckdb"
    fill(path)
    return path


@pytest.fixture(autouse=True)
def _no_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DURASCOPE_SERVER", raising=False)


def test_show_json_is_the_contracted_object(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every contracted key, ms as numbers, times in RFC 3339, the provider's Retry-After named as the server's."""
    assert main(["show", "bad", "--json", "--store", str(store)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert {k: shown[k] for k in ("namespace", "workflow_id", "run_id", "first_run_id", "workflow_type", "task_queue",
                                  "status", "started", "closed", "duration_ms", "retries", "coverage")} == {
        "namespace": "default", "workflow_id": "bad", "run_id": "b", "first_run_id": "r", "workflow_type": "W",
        "task_queue": "q", "status": "completed", "started": "2023-11-14T22:13:21.000000Z",
        "closed": "2023-11-14T22:14:00.000000Z", "duration_ms": 39000.0,
        "retries": {"operations": 1, "attempts": 2, "retries": 1, "failed_attempts": 1},
        "coverage": {"history_attempts": 2, "span_attempts": 2, "reconstructed": 0, "orphan_spans": 0,
                     "duplicate_spans": 0},
    }  # fmt: skip
    assert shown["time_ms"] == {
        "model": 7000.0, "tool": 0.0, "activity": 0.0, "queue": 11000.0, "backoff": 20000.0, "external_wait": 0.0,
        "timer": 0.0, "workflow_task": 0.0, "unexplained": 1000.0, "total": 39000.0,
    }  # fmt: skip
    full = {"input": 100, "cached_input": 20, "output": 10, "reasoning": 5}
    nothing = dict.fromkeys(full, 0)
    assert shown["tokens"] == {"billed": full, "useful": full, "wasted": nothing, "unknown_attempts": 1}
    assert shown["cost"]["currency"] == "USD" and shown["cost"]["billed"] == shown["cost"]["useful"] > 0
    (operation,) = shown["operations"]
    first, second = operation["attempts"]
    assert (operation["queue_ms"], operation["run_ms"], operation["backoff_ms"]) == (11000.0, 7000.0, 20000.0)
    assert (first["status"], first["tokens"], first["retry_by"], first["retry_delay_ms"], first["source"]) == (
        "error", None, "server", 20000.0, "both",
    )  # fmt: skip
    assert (second["status"], second["tokens"], second["estimated"]) == ("ok", full, False)
    assert shown["explanation"].startswith("Took 39.0 s.")
    assert shown["critical_path"]["segments"][0]["operation_id"] == operation["id"]


@pytest.mark.parametrize(
    ("arguments", "schema"),
    [
        (["show", "bad"], contract.RUN),
        (["show", "good", "--run-id", "g"], contract.RUN),
        (["runs"], contract.RUNS),
        (["compare", "bad", "good"], contract.COMPARISON),
        (["store", "info"], contract.STORE_INFO),
    ],
)
def test_json_is_as_contracted(
    store: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], schema: contract.Schema
) -> None:
    """Every command's JSON fits its schema; one document, nothing else on stdout."""
    assert main([*arguments, "--json", "--store", str(store)]) == 0
    jsonschema.validate(json.loads(capsys.readouterr().out), schema)


def test_runs_json_lists_newest_first_without_operations(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same objects as show's, without operations; --limit, --status and --query narrow them."""

    def listed(*arguments: str) -> list[dict[str, Any]]:
        assert main(["runs", "--json", "--store", str(store), *arguments]) == 0
        found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        return found

    everything = listed()
    assert [run["workflow_id"] for run in everything] == ["bad", "good"]
    assert all("operations" not in run for run in everything)
    assert [run["workflow_id"] for run in listed("--query", "retries = 0 AND WorkflowType = 'W'")] == ["good"]
    assert [run["workflow_id"] for run in listed("--limit", "1")] == ["bad"]
    assert listed("--status", "failed") == []
    assert [run["workflow_id"] for run in listed("--view", "retried")] == ["bad"]
    assert [run["workflow_id"] for run in listed("--sort", "duration")] == ["bad", "good"]
    assert [run["workflow_id"] for run in listed("goo", "--model", "gpt-5", "--since", "2023-01-01")] == ["good"]
    assert listed("--since", "1h") == [] and listed("--until", "2023-01-01T00:00:00Z") == []
    for view in VIEWS:
        listed("--view", view)


def test_tables_tell_the_same_to_a_person(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Units, who dictated the wait, foreign text shown as it is."""
    assert main(["runs", "--store", str(store)]) == 0
    assert "good" in capsys.readouterr().out
    assert main(["show", "bad", "--store", str(store)]) == 0
    shown = capsys.readouterr().out
    assert "RateLimitError 429 [slow] down → retry in 20.0 s (server)" in shown
    said = " ".join(shown.split())
    assert "51 % was backoff of planner's model calls (429 from the provider, 2 attempts, server asked 20.0 s)." in said
    assert "If the retry of planner's model calls had not happened the run would have ended 22.0 s earlier." in said


def test_store_info_json_has_the_contracted_keys(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Engine, path, version, counts, bytes, oldest and newest run."""
    assert main(["store", "info", "--json", "--store", str(store)]) == 0
    info = json.loads(capsys.readouterr().out)
    assert {"engine", "path", "schema_version", "runs", "operations", "attempts", "spans", "bytes", "oldest",
            "newest"} <= set(info)  # fmt: skip
    assert (info["runs"], info["attempts"], info["oldest"]) == (2, 3, "2023-11-14T22:13:20.000000Z")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["show", "nobody"], 1, "'nobody' is not known here"),
        (["runs", "--query", "secret = 1"], 2, "'secret'"),
        (["runs", "--limit", "0"], 2, "limit"),
        (["runs", "--since", "yesterday"], 2, "'yesterday' is no time"),
        (["runs", "--watch", "--json"], 2, "--watch"),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_errors_are_one_sentence_and_an_exit_code(
    store: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    """1: the thing asked about was not found; 2: wrong usage. Nothing on stdout, no traceback."""
    assert main([*arguments, *(["--store", str(store)] if code == 1 or "--query" in arguments else [])]) == code
    out, err = capsys.readouterr()
    assert out == "" and says in err and "Traceback" not in err
    assert err.startswith("durascope: ") and len(err.splitlines()) == 1


def test_a_missing_store_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No file: one sentence that names it; --debug adds the traceback."""
    assert main(["runs", "--store", str(tmp_path / "none.duckdb")]) == 1
    err = capsys.readouterr().err
    assert "none.duckdb" in err and "Traceback" not in err
    assert main(["--debug", "runs", "--store", str(tmp_path / "none.duckdb")]) == 1
    assert "Traceback" in capsys.readouterr().err
