"""A crew is as many processes as it has programs, and ends as a whole."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

MEMBER = "tests.sample_workflows.crew_member"


def crew(logs: Path, **programs: list[str]) -> subprocess.Popen[bytes]:
    """Started, with its output in a pipe."""
    command = [sys.executable, "-m", "sample_workflows.crew", str(logs), json.dumps(programs)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)


def test_when_one_ends_all_end_and_it_is_named(tmp_path: Path) -> None:
    """With its exit code; each has had its own log, name and arguments."""
    running = crew(tmp_path, first=[MEMBER, "60", "0"], second=[MEMBER, "0.5", "3"])
    out, _ = running.communicate(timeout=30)
    assert running.returncode == 3
    assert out.decode().splitlines()[0] == f"second ended with exit code 3 (log: {tmp_path}/second.log)"
    assert (tmp_path / "first.log").read_text() == "first first 60 0\n"
    assert (tmp_path / "second.log").read_text() == "second second 0.5 3\n"


def test_sigterm_ends_all(tmp_path: Path) -> None:
    """No process of its group is left."""
    running = crew(tmp_path, first=[MEMBER, "60", "0"], second=[MEMBER, "60", "0"])
    while not all((tmp_path / f"{name}.log").exists() for name in ("first", "second")):
        assert running.poll() is None
        time.sleep(0.05)
    time.sleep(0.2)  # until it listens to signals, a moment after the last fork
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=30)
    try:
        os.killpg(running.pid, 0)
    except ProcessLookupError:
        return
    raise AssertionError("a process of the crew is left")
