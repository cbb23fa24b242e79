"""`durascope up` and `durascope dashboard` as a user starts them: all parts up, all gone after Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from durascope_dashboard.cli import up
from durascope_dashboard.demo.dev_server import DevServer, free_port, port_in_use

pytestmark = [pytest.mark.server, pytest.mark.timeout(90)]


def start(tmp_path: Path, http: int, port: int, temporal: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "durascope._main", "up", "--store", str(tmp_path / "s.duckdb")]
    command += ["--otlp-http", f"127.0.0.1:{http}", "--otlp-grpc", f"127.0.0.1:{free_port()}"]
    command += ["--port", str(port), "--temporal", temporal]
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_both_parts_answer_and_ctrl_c_ends_both(tmp_path: Path, temporal_server: DevServer) -> None:
    """The page and the collector answer; SIGINT ends them with exit code 0 and nothing listens any more."""
    http, port = free_port(), free_port()
    process = start(tmp_path, http, port, temporal_server.address)
    try:
        assert process.stdout is not None
        deadline = time.monotonic() + 60
        said = ""
        while "Ctrl-C" not in said:
            assert time.monotonic() < deadline and process.poll() is None, said
            said += process.stdout.readline()
        for url in (f"http://127.0.0.1:{http}/healthz", f"http://127.0.0.1:{port}/_stcore/health"):
            with urllib.request.urlopen(url, timeout=5) as answer:
                assert answer.status == 200
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert process.returncode == 0
    assert "nothing is left running" in rest
    assert "Traceback" not in errors
    assert not port_in_use(http) and not port_in_use(port)


def test_a_browser_is_opened_once_the_page_answers(tmp_path: Path) -> None:
    """By ``--browser``, on a user's first start too: nobody is asked for an e-mail address before."""
    said, browser, port = tmp_path / "said", tmp_path / "browser", free_port()
    browser.write_text(f'#!/bin/sh\necho "$1" > {said}.part && mv {said}.part {said}\n')
    browser.chmod(0o755)
    command = [sys.executable, "-m", "durascope._main", "dashboard", "--browser", "--port", str(port)]
    environment = {**os.environ, "BROWSER": str(browser), "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not said.exists():
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
        url = said.read_text().strip()
        assert url == f"http://localhost:{port}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert answer.status == 200
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    """That names the port and what needs it; exit code 1 and nothing started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start(tmp_path, free_port(), port, "127.0.0.1:1")
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors.strip() == (
        f"durascope: port {port} for the dashboard is in use; stop what listens there or name another port"
    )


def test_the_dashboard_asks_the_server_that_is_followed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Workers and events come from Temporal itself: the address that was given holds for both processes."""
    told: dict[str, str] = {}
    monkeypatch.setattr("durascope_dashboard.up.run_up", lambda *_: told.update(os.environ) or 0)
    for name in ("DURASCOPE_STORE", "TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"):
        monkeypatch.setenv(name, "")  # and back to what it was afterwards
    given = ["--temporal", "temporal.example:7233", "--namespace", "agents", "--store", str(tmp_path / "s.duckdb")]
    up.command.main(given, standalone_mode=False)
    assert told["TEMPORAL_ADDRESS"] == "temporal.example:7233"
    assert told["TEMPORAL_NAMESPACE"] == "agents"
