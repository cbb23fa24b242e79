"""The demo as its users run it: a command in a terminal, with real servers, that leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def command(state: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "durascope._main", "demo", "--free-ports", "--state", str(state), *more]


def descendants_of_state(state: Path) -> list[int]:
    """Processes of a demo: its state folder is in the environment or command of each that could outlive it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            said = (process / "cmdline").read_bytes() + bytes((process / "fd" / "1").readlink())
        except OSError:
            continue  # it ended, or is not ours
        if str(state).encode() in said and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the demo, kept from the first start to the second."""
    return tmp_path_factory.mktemp("demo") / "state"


@pytest.mark.timeout(240)
def test_it_ends_by_itself_with_a_true_summary(state: Path) -> None:
    """Exit code 0; the summary names runs of several samples; no process is left."""
    done = subprocess.run(command(state, "--for", "15", "--rate", "3"), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "stopped; nothing is left running" in done.stdout
    runs = re.search(r"^(\d+) runs: .*$", done.stdout, flags=re.M)
    assert runs is not None and int(runs[1]) > 10, done.stdout
    types = re.search(r"^of them: (.*)$", done.stdout, flags=re.M)
    assert types is not None and len(types[1].split(", ")) > 5
    assert descendants_of_state(state) == []


@pytest.mark.timeout(240)
def test_ctrl_c_stops_a_second_warm_demo(state: Path) -> None:
    """It starts on the state of the first, says where the dashboard is, and ends at SIGINT with exit code 0."""
    process = subprocess.Popen(command(state), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        lines: list[str] = []
        while not (lines and lines[-1].startswith("Ctrl-C stops everything")):
            line = process.stdout.readline()
            assert line, "".join(lines)
            lines.append(line)
        assert any(re.match(r"Dashboard    http://127\.0\.0\.1:\d+$", line) for line in lines)
        assert len(descendants_of_state(state)) > 5
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(60) == 0
        assert "stopped; nothing is left running" in rest
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate()
    deadline = time.monotonic() + 10
    while descendants_of_state(state):
        assert time.monotonic() < deadline
        time.sleep(0.1)
