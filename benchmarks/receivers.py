"""The same export, byte for byte, at others' receivers: spans, parents and tokens must come out equal there.

    python -m benchmarks.receivers --phoenix PATH/bin/phoenix --rotel PATH/rotel-agent --out FILE

Real runs on a real server; each request of the worker is passed on, unchanged, to Arize Phoenix (asked by its GraphQL
API) and to rotel, an OpenTelemetry collector (which sends on to a receiver here).
"""

import argparse
import asyncio
import contextlib
import functools
import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from agents import set_trace_processors
from temporalio.client import Client
from temporalio.worker import Worker

from benchmarks.overhead_runs import Errand, rules, worker
from durascope import conventions as c
from durascope_dashboard.demo.dev_server import DevServer, free_port
from sample_workflows.model_server import Fault, Rule, ScriptedServer
from tests.instrumentation.receiver import Receiver

RUNS = 5
QUERY = """query ($after: String) { projects { edges { node { spans(first: 1000, after: $after) { edges { node {
  context { spanId } parentId tokenCountTotal statusCode name } } pageInfo { hasNextPage endCursor } } } } } }"""


class Tee(Receiver):
    """Keeps what it is sent, and passes the bytes on."""

    def __init__(self, targets: Sequence[str]) -> None:
        super().__init__()
        self._targets = targets

    def take(self, path: str, body: bytes) -> None:
        """Pass one request on."""
        super().take(path, body)
        if path == "/v1/traces":
            for target in self._targets:
                headers = {"content-type": "application/x-protobuf"}
                urllib.request.urlopen(urllib.request.Request(target + path, body, headers), timeout=60).close()


Seen = dict[str, tuple[str, int]]  # span id -> (parent id, tokens)


def seen(receiver: Receiver) -> Seen:
    """What a receiver of ours got."""
    names = (c.GEN_AI_INPUT_TOKENS, c.GEN_AI_OUTPUT_TOKENS)
    return {s.span: (s.parent, sum(s.attributes.get(name, 0) for name in names)) for s in receiver.spans}


def asked(url: str) -> Seen:
    """What Phoenix answers."""
    found: Seen = {}
    after: str | None = None
    while True:
        body = json.dumps({"query": QUERY, "variables": {"after": after}}).encode()
        request = urllib.request.Request(f"{url}/graphql", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            projects = json.load(answer)["data"]["projects"]["edges"]
        more = None
        for project in projects:
            spans = project["node"]["spans"]
            for edge in spans["edges"]:
                node = edge["node"]
                tokens = int(node["tokenCountTotal"] or 0)
                found[node["context"]["spanId"]] = (node["parentId"] or "", tokens)
            more = spans["pageInfo"]["endCursor"] if spans["pageInfo"]["hasNextPage"] else more
        if more is None:
            return found
        after = more


@contextlib.contextmanager
def process(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    """A program, stopped at the end."""
    with tempfile.TemporaryFile() as log:
        running = subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log)
        try:
            yield
        finally:
            running.terminate()
            running.wait(30)


def until(check: Callable[[], bool], seconds: float) -> bool:
    """Poll; False if it did not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if check():
                return True
        time.sleep(0.3)
    return False


def listens(port: int) -> bool:
    """Whether a server is there."""
    with socket.create_connection(("127.0.0.1", port), 2):
        return True


async def run(address: str) -> int:
    """The runs; how many model calls and tokens there were is in the spans."""
    set_trace_processors([])
    ours, _ = await worker(address, "durascope")
    assert isinstance(ours, Worker)
    client = await Client.connect(address)
    async with ours:
        for _ in range(RUNS):
            await client.execute_workflow(
                Errand.run, "Oslo", id=str(uuid.uuid4()), task_queue="overhead-durascope",
                execution_timeout=timedelta(minutes=2),
            )  # fmt: skip
    return RUNS


def compare(ours: Seen, theirs: Seen) -> dict[str, Any]:
    """Counts, and whether each span has the same parent and the same tokens."""
    return {
        "spans": len(theirs),
        "parents_equal": sum(theirs.get(span, (None, 0))[0] == parent for span, (parent, _) in ours.items()),
        "tokens": sum(tokens for _, tokens in theirs.values()),
        "tokens_equal": sum(theirs.get(span, ("", -1))[1] == tokens for span, (_, tokens) in ours.items()),
        "equal": ours == theirs,
    }


def measure(phoenix: Path | None, rotel: Path | None) -> dict[str, Any]:
    """Start everything, let runs happen, compare."""
    flaky = Rule("limited", Fault(429, retry_after=0.2, code="rate_limit_exceeded"), first=1)
    with contextlib.ExitStack() as stack:
        behind = stack.enter_context(Receiver())
        server = stack.enter_context(DevServer())
        model = stack.enter_context(ScriptedServer(rules=[flaky, *rules()]))
        asks: dict[str, Callable[[], Seen]] = {}
        urls = []
        if phoenix is not None:
            urls.append(stack.enter_context(serving_phoenix(phoenix)))
            asks["phoenix"] = functools.partial(asked, urls[-1])
        if rotel is not None:
            urls.append(stack.enter_context(serving_rotel(rotel, behind.port)))
            asks["rotel"] = functools.partial(seen, behind)
        tee = stack.enter_context(Tee(urls))
        os.environ.update({"OPENAI_BASE_URL": model.base_url, **tee.environment})
        asyncio.run(run(server.address))
        ours, billed = seen(tee), model.log.billed()
        until(lambda: all(len(ask()) >= len(ours) for ask in asks.values()), 180)
        return {
            "runs": RUNS,
            "durascope": {"spans": len(ours), "tokens": sum(tokens for _, tokens in ours.values())},
            "model_server_tokens": billed.input + billed.output,
            **{name: compare(ours, ask()) for name, ask in asks.items()},
        }


@contextlib.contextmanager
def serving_phoenix(program: Path) -> Iterator[str]:
    """Its URL."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, process([str(program), "serve"], {
        "PHOENIX_WORKING_DIR": folder, "PHOENIX_PORT": str(port), "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_GRPC_PORT": str(free_port()), "PHOENIX_TELEMETRY_ENABLED": "false",
    }):  # fmt: skip
        _wait("Phoenix", port)
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def serving_rotel(program: Path, behind: int) -> Iterator[str]:
    """Its URL; it sends on to the port ``behind``."""
    port = free_port()
    with process([
        str(program), "start", "--otlp-http-endpoint", f"127.0.0.1:{port}", "--otlp-grpc-endpoint",
        f"127.0.0.1:{free_port()}", "--exporter", "otlp", "--otlp-exporter-protocol", "http",
        "--otlp-exporter-endpoint", f"http://127.0.0.1:{behind}",
    ], {}):  # fmt: skip
        _wait("rotel", port)
        yield f"http://127.0.0.1:{port}"


def _wait(name: str, port: int) -> None:
    if not until(functools.partial(listens, port), 600):
        raise SystemExit(f"{name} did not come up on port {port}")


def main() -> None:
    """Print the comparison; exit code 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phoenix", type=Path)
    parser.add_argument("--rotel", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    result = measure(given.phoenix, given.rotel)
    text = json.dumps(result, indent=2)
    print(text)
    if given.out:
        given.out.write_text(text + "\n")
    raise SystemExit(not all(result[name]["equal"] for name in ("phoenix", "rotel") if name in result))


if __name__ == "__main__":
    main()
