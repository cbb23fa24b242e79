"""`durascope compare`: two runs, or one and the median of its type."""

import json
from pathlib import Path

import pytest

from durascope_dashboard.cli import main
from tests.cli.facts import fill


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store file with a good run and a bad one."""
    path: Path = tmp_path_factory.mktemp("store") / "runs.duckdb"
    fill(path)
    return str(path)


def test_json_has_the_contracted_keys(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    """{a, b, delta, aligned, first_divergence, warnings}; change is b - a, and better or worse is said."""
    assert main(["compare", "bad", "good", "--json", "--store", store]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["a", "b", "delta", "aligned", "first_divergence", "warnings"]
    assert (found["a"]["workflow_id"], found["b"]["workflow_id"]) == ("bad", "good")
    assert found["delta"]["duration_ms"] == {
        "unit": "ms", "a": 39000.0, "b": 10000.0, "change": -29000.0, "better": True
    }  # fmt: skip
    agent, call = found["aligned"]
    assert (agent["kind"], agent["name"], agent["depth"], agent["differs"]) == ("agent", "planner", 0, None)
    assert (call["a"]["attempts"], call["b"]["attempts"], call["differs"]) == (2, 1, "2 attempts in A, 1 in B")
    assert found["first_divergence"]["what"] == "2 attempts in A, 1 in B"
    assert found["warnings"] == ["A: attempts with unknown tokens: 1; tokens and cost are lower bounds"]


def test_tables_name_what_got_better_and_where_they_part(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The same for a person, without what is equal."""
    assert main(["compare", "bad", "good", "--store", store]) == 0
    shown = capsys.readouterr().out
    assert "They first part at model call of planner: 2 attempts in A, 1 in B (0 ms after the start of A" in shown
    assert "B took 29.0 s less than A (−74 %): " in shown
    assert "better" in shown and "external wait" not in shown
    assert main(["compare", "bad", "good", "--all", "--store", store]) == 0
    assert "external wait" in capsys.readouterr().out


def test_against_the_median(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    """B is the median of the other runs of the type; that they are few is said."""
    assert main(["compare", "bad", "--median", "--json", "--store", store]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["b"]["runs"], found["delta"]["duration_ms"]["b"]) == (1, 10000.0)
    assert found["warnings"] == ["the median is of 1 runs only"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["bad"], 2, "name two workflows"),
        (["bad", "good", "--median"], 2, "name two workflows"),
        (["bad", "nobody"], 1, "'nobody' is not known here"),
        (["bad", "good", "--run-b", "x"], 1, "run 'x' of workflow 'good'"),
    ],
)
def test_errors_name_what_is_wrong(
    store: str, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    """1: not found, 2: wrong usage."""
    assert main(["compare", *arguments, "--store", store]) == code
    out, err = capsys.readouterr()
    assert out == "" and says in err
