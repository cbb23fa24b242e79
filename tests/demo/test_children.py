"""Child processes: started, watched, and none left."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from durascope_dashboard.demo.children import Child, Children
from durascope_dashboard.demo.errors import DemoError


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    group = Children(tmp_path / "logs", stop_timeout=0.5)
    yield group
    group.stop()


def start(children: Children, name: str, code: str, wave: int = 0) -> Child:
    return children.start(name, [sys.executable, "-u", "-c", code], os.environ, Path.cwd(), wave)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(60)"
PARENT = (
    "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
    "print(p.pid); time.sleep(60)"
)


def test_a_process_that_ignores_sigterm_is_killed(children: Children) -> None:
    """SIGKILL follows after the deadline."""
    child = start(children, "stubborn", STUBBORN)
    until(lambda: child.log.read_text() == "up\n")
    children.stop()
    assert child.process.returncode == -9


def test_grandchildren_end_too(children: Children) -> None:
    """Each child leads its own process group, and the group is what is stopped."""
    child = start(children, "parent", PARENT)
    until(lambda: bool(child.log.read_text().strip()))
    grandchild = int(child.log.read_text())
    assert exists(grandchild)
    children.stop()
    until(lambda: not exists(grandchild))


def test_a_higher_wave_ends_while_a_lower_one_still_runs(children: Children) -> None:
    """Workers must find their collector listening when they flush."""
    low = start(children, "low", "import time; time.sleep(60)", wave=0)
    watch = (
        "import os, signal, sys, time\n"
        "def stop(*_):\n"
        f"    os.kill({low.process.pid}, 0)\n"
        "    print('low is there')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "print('up')\n"
        "time.sleep(60)\n"
    )
    high = start(children, "high", watch, wave=1)
    until(lambda: high.log.read_text() == "up\n")
    children.stop()
    assert high.log.read_text() == "up\nlow is there\n"
    assert low.process.returncode == -15


def test_a_child_that_ends_at_once_is_named_with_its_last_words(children: Children) -> None:
    """The message names the part, the exit code, what it said last and its log."""
    child = start(children, "collector", "import sys; print('no such file'); sys.exit(3)")
    with pytest.raises(
        DemoError, match=r"the collector ended at once with exit code 3: no such file \(log: .*collector"
    ):
        children.wait_ready(child, lambda: False, 10, lambda: False)


def test_a_child_that_is_never_ready_is_given_up(children: Children) -> None:
    """A deadline, in a sentence."""
    child = start(children, "dashboard", "import time; time.sleep(60)")
    with pytest.raises(DemoError, match="the dashboard was not ready after 0 s"):
        children.wait_ready(child, lambda: False, 0.1, lambda: False)


def test_a_missing_command_is_one_sentence(children: Children) -> None:
    """No traceback for a tool that is not installed."""
    with pytest.raises(
        DemoError, match=r"the model server could not be started: No such file or directory \(no-such-command\)"
    ):
        children.start("model server", ["no-such-command"], os.environ, Path.cwd())
