"""The command line starts fast, says what it does, and keeps its exit codes."""

import resource
import subprocess
import sys

import pytest

from durascope_dashboard.cli import COMMANDS, main

HEAVY = ("pandas", "duckdb", "ibis", "pyarrow", "streamlit", "temporalio", "httpx", "rich", "numpy", "grpc")


def loaded_by(*arguments: str) -> str:
    """The heavy packages that a fresh process has loaded after this command line."""
    program = (
        "import sys; from durascope._main import main; sys.argv = ['durascope', *sys.argv[1:]]; main(); "
        f"print('\\nloaded:', *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.rpartition("loaded:")[2].strip()


@pytest.mark.parametrize("arguments", [["--help"], ["runs", "--help"], ["show", "--help"], ["doctor", "-h"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    """Not pandas, not the store, not Temporal: they take a second."""
    assert loaded_by(*arguments) == ""


def test_help_takes_less_than_150_ms() -> None:
    """CPU time of the whole process, at its best of three."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "durascope._main", "--help"], capture_output=True, timeout=60, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    assert min(once() for _ in range(3)) < 0.15


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It exists, and its help has a sentence that ends."""
    assert main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"Usage: durascope {name}" in shown and "." in shown


def test_no_command_and_an_unknown_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command: the help. With one that is none: exit code 2 and its name."""
    assert main([]) in (0, 2)
    assert "Commands:" in "".join(capsys.readouterr())
    assert main(["nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().err
