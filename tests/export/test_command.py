"""`durascope export`, each format end to end from a store file."""

import json
from pathlib import Path

import pytest
from pyarrow import parquet

from durascope_dashboard.cli import main
from durascope_dashboard.export.commands import Request
from durascope_dashboard.export.source import Wanted


def _export(capsys: pytest.CaptureFixture[str], store: Path, *arguments: str) -> tuple[int, str, str]:
    code = main(["export", *arguments, "--store", str(store)])
    out, err = capsys.readouterr()
    return code, out, err


def test_json_of_everything(capsys: pytest.CaptureFixture[str], store_path: Path) -> None:
    """To standard output; what was done goes to standard error."""
    code, out, err = _export(capsys, store_path, "json")
    assert code == 0
    assert [run["workflow_id"] for run in json.loads(out)] == ["research-1", "research-2"]
    assert err == "exported 2 runs, 4 operations, 4 attempts\n"


def test_one_run_and_a_query_narrow_it(capsys: pytest.CaptureFixture[str], store_path: Path) -> None:
    """By workflow id, by status, by filter, by number."""
    for narrowed in (["research-2"], ["--status", "running"], ["--query", "status = 'running'"]):
        _, out, _ = _export(capsys, store_path, "json", *narrowed)
        assert [run["workflow_id"] for run in json.loads(out)] == ["research-2"]
    _, out, _ = _export(capsys, store_path, "json", "--limit", "1")
    assert len(json.loads(out)) == 1


def test_parquet_writes_a_folder(capsys: pytest.CaptureFixture[str], store_path: Path, tmp_path: Path) -> None:
    """Made if it is not there; without one the command says so."""
    assert _export(capsys, store_path, "parquet", "-o", str(tmp_path / "out"))[0] == 0
    assert parquet.read_table(str(tmp_path / "out" / "attempts.parquet")).num_rows == 4
    code, _, err = _export(capsys, store_path, "parquet")
    assert code == 2 and "durascope export parquet -o FOLDER" in err


def test_audit_verifies_until_it_is_changed(
    capsys: pytest.CaptureFixture[str], store_path: Path, tmp_path: Path
) -> None:
    """Exit code 0 for an intact trail, 1 with the line for a changed one."""
    trail = tmp_path / "audit.jsonl"
    _, _, err = _export(capsys, store_path, "audit", "-o", str(trail))
    last = err.split()[-1]
    assert main(["export", "audit", "--verify", str(trail), "--last", last]) == 0
    trail.write_text(trail.read_text().replace("Planner", "Somebody", 1))
    capsys.readouterr()
    assert main(["export", "audit", "--verify", str(trail)]) == 1
    assert "line 1 was changed" in capsys.readouterr().err


def test_metrics_print_the_exposition(capsys: pytest.CaptureFixture[str], store_path: Path) -> None:
    """What /metrics says."""
    _, out, _ = _export(capsys, store_path, "metrics")
    assert "durascope_fleet_runs_total{" in out and out.endswith("# EOF\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["otlp"], "nowhere to send to"),
        (["json", "--follow"], "--follow is for otlp and metrics"),
        (["otlp", "--endpoint", "nonsense"], "is not an OTLP endpoint"),
        (["otlp", "--endpoint", "http://127.0.0.1:1", "--header", "x"], "has no value"),
        (["json", "-o", "/no/such/folder/file"], "cannot be written"),
        (["csv", "-o", __file__], "cannot be written: File exists; name another folder"),
        (["json", "-r", "run-1"], "name that too: durascope export json WORKFLOW_ID --run-id run-1"),
        (["otlp", "research-1", "--follow", "--endpoint", "http://127.0.0.1:1"], "not by an id"),
    ],
)
def test_wrong_usage_is_one_sentence(
    capsys: pytest.CaptureFixture[str], store_path: Path, arguments: list[str], says: str
) -> None:
    """Exit code 2, the reason, no traceback."""
    code, _, err = _export(capsys, store_path, *arguments)
    assert code == 2 and says in err and err.count("\n") == 1


def test_headers_of_the_standard_variable_are_percent_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As vendors' pages print them; an option goes over the variable."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic%20YTpi,x-team=a")
    request = Request("otlp", Wanted(), endpoint="http://127.0.0.1:1", headers=("x-team=b",))
    assert request.destination("traces").headers == {"Authorization": "Basic YTpi", "x-team": "b"}


def test_an_unknown_run_is_not_found(capsys: pytest.CaptureFixture[str], store_path: Path) -> None:
    """Exit code 1 and the command that lists runs."""
    code, _, err = _export(capsys, store_path, "json", "no-such")
    assert code == 1 and "durascope runs" in err
