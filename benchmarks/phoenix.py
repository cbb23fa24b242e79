"""Arize Phoenix on the same spans: how many a second can be queried, from the first request until the last span is."""

import http.client
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.load import SPANS_PER_RUN, requests
from benchmarks.sending import HEADERS
from durascope_dashboard.demo.dev_server import free_port

_COUNT = json.dumps({"query": "{ projects { edges { node { name recordCount } } } }"})


def measure(python: Path, spans: int = 6_000, deadline_s: float = 90) -> dict[str, Any]:
    """Start Phoenix (SQLite, its default), send ``spans`` spans, wait until its API counts them all."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "PHOENIX_WORKING_DIR": folder, "PHOENIX_PORT": str(port), "PHOENIX_HOST": "127.0.0.1",
               "PHOENIX_GRPC_PORT": str(free_port()), "PHOENIX_TELEMETRY_ENABLED": "false"}  # fmt: skip
        process = subprocess.Popen(
            [str(python.parent / "phoenix"), "serve"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _until(lambda: _count(port) is not None, deadline_s)
            return _send(port, spans, deadline_s)
        finally:
            process.terminate()
            process.wait(30)


def _send(port: int, spans: int, deadline_s: float) -> dict[str, Any]:
    bodies = requests(500, seed=99)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    begun = time.monotonic()
    sent = refused = 0
    while sent < spans:
        body, runs = next(bodies)
        while True:
            connection.request("POST", "/v1/traces", body, HEADERS)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                break
            refused += 1
            time.sleep(0.2)
        sent += len(runs) * SPANS_PER_RUN
    acknowledged = time.monotonic() - begun
    connection.close()
    complete = _until(lambda: (_count(port) or 0) >= sent, deadline_s)
    elapsed = time.monotonic() - begun
    there = _count(port) or 0
    return {
        "spans": sent, "queryable": there, "complete": complete, "acknowledged_after_s": round(acknowledged, 2),
        "queryable_after_s": round(elapsed, 2), "spans_per_s": round(there / elapsed, 1), "refused": refused,
    }  # fmt: skip


def _count(port: int) -> int | None:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("POST", "/graphql", _COUNT, {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
    except (OSError, ValueError):
        return None  # not up yet
    return sum(int(edge["node"]["recordCount"]) for edge in answer["data"]["projects"]["edges"])


def _until(ask: Any, deadline_s: float) -> bool:
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        if ask():
            return True
        time.sleep(0.1)
    return False
