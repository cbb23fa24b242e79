"""Encrypted payloads: through a codec server as Temporal's UI uses it, by the workers' own codec, and not at all."""

import asyncio
import base64
import json
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import DataConverter, PayloadCodec

from durascope.records import RunStatus, Tokens
from durascope_dashboard.demo.dev_server import DevServer
from durascope_dashboard.exceptions import UsageError
from durascope_dashboard.temporal.backfill import Backfill
from durascope_dashboard.temporal.codec import Decoder, RemoteCodec, load_codec
from durascope_dashboard.temporal.connection import TemporalConfig, connect
from tests.temporal.conftest import Memory, eventually, following, working

pytestmark = pytest.mark.timeout(120)


class Scramble(PayloadCodec):
    """Stands for encryption: every byte turned round."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """The whole payload, scrambled."""
        return [
            Payload(metadata={"encoding": b"binary/scrambled"}, data=flipped(p.SerializeToString())) for p in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Back."""
        return [Payload.FromString(flipped(p.data)) for p in payloads]


def flipped(data: bytes) -> bytes:
    return bytes(byte ^ 0x5A for byte in data)


class Server(ThreadingHTTPServer):
    """A codec server; ``requests`` holds path, headers and number of payloads of each request."""

    daemon_threads = False  # the fixture waits for them: a connection that nobody closes is found

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, dict[str, str], int]] = []
        self.answer = 200

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """POST /decode; connections are kept, so that they must be closed."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Decode."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.path, dict(self.headers), len(body["payloads"])))
        plain = [Payload.FromString(flipped(base64.b64decode(p["data"]))) for p in body["payloads"]]
        answer = [
            {
                "metadata": {key: base64.b64encode(value).decode() for key, value in p.metadata.items()},
                "data": base64.b64encode(p.data).decode(),
            }
            for p in plain
        ]
        said = json.dumps({"payloads": answer}).encode()
        self.send_response(self.server.answer)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def codec_server() -> Iterator[Server]:
    """A running codec server."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


async def scrambled_run(server: DevServer) -> str:
    """A run whose payloads and failure messages are encoded."""
    converter = replace(DataConverter.default, payload_codec=Scramble())
    client = await Client.connect(server.address, data_converter=converter)
    name = f"asks-{uuid4().hex[:8]}"
    async with working(client) as queue:
        await client.execute_workflow("Asks", id=name, task_queue=queue)
    return name


TOKENS = Tokens(input=120, cached_input=64, output=30, reasoning=8)


@pytest.mark.server
async def test_without_a_codec_tokens_are_unknown(temporal_server: DevServer, memory: Memory) -> None:
    """Not zero: unknown. Everything else is there."""
    name = await scrambled_run(temporal_server)
    async with following(temporal_server.address, memory):
        await memory.has(name, RunStatus.COMPLETED)
    record = memory.of(name)
    assert record is not None
    (attempt,) = record.attempts
    assert (attempt.tokens, attempt.model, attempt.started is not None) == (None, None, True)


@pytest.mark.server
async def test_a_codec_server_makes_tokens_known(
    temporal_server: DevServer, memory: Memory, codec_server: Server
) -> None:
    """It is asked for the model call's payloads only, with namespace and authorization, one request a page."""
    name = await scrambled_run(temporal_server)
    codec = RemoteCodec(codec_server.url, "Bearer let-me-in")
    async with following(temporal_server.address, memory, decoder=codec):
        await memory.has(name, RunStatus.COMPLETED)
    record = memory.of(name)
    assert record is not None
    (attempt,) = record.attempts
    assert (attempt.tokens, attempt.model) == (TOKENS, "gpt-4.1")
    asked = {(path, headers["X-Namespace"], headers["Authorization"]) for path, headers, _ in codec_server.requests}
    assert asked == {("/decode", "default", "Bearer let-me-in")}
    # The server is shared with other tests, whose runs are asked about as well: one request was this run's.
    assert min(payloads for _, _, payloads in codec_server.requests) <= 3


@pytest.mark.server
async def test_a_codec_server_that_is_away_is_waited_for(
    temporal_server: DevServer, memory: Memory, codec_server: Server
) -> None:
    """A closed run is read once, so its tokens must not be given up because the codec was away for a moment."""
    name = await scrambled_run(temporal_server)
    codec_server.answer = 503
    async with following(temporal_server.address, memory, decoder=RemoteCodec(codec_server.url)) as follower:
        await eventually(lambda: follower.state == "down", "the codec away")
        assert "codec server" in (follower.error or "")
        assert memory.status(name) is None
        codec_server.answer = 200
        await memory.has(name, RunStatus.COMPLETED)
    record = memory.of(name)
    assert record is not None and record.attempts[0].tokens == TOKENS


@pytest.mark.server
async def test_wrong_credentials_end_a_backfill_and_are_waited_out_by_a_follower(
    temporal_server: DevServer, memory: Memory, codec_server: Server
) -> None:
    """One sentence with the endpoint and the option, for the one as its error, for the other in health: a closed run
    is read once, so the follower keeps it until the server lets it in.
    """
    name = await scrambled_run(temporal_server)
    codec_server.answer = 401
    codec, said = RemoteCodec(codec_server.url), f"{codec_server.url}/decode refused with 401; .*--codec-auth"
    connection = await connect(TemporalConfig(temporal_server.address))
    with pytest.raises(UsageError, match=said):
        await asyncio.wait_for(Backfill(connection, memory, decoder=codec).run(), 30)
    await codec.close()
    async with following(temporal_server.address, memory, decoder=RemoteCodec(codec_server.url)) as follower:
        await eventually(lambda: follower.state == "down" and follower.lag_s > 0, "the refusal")
        assert re.search(said, str(follower.error))
        codec_server.answer = 200
        await memory.has(name, RunStatus.COMPLETED)
        await eventually(lambda: follower.error is None, "going on")
    record = memory.of(name)
    assert record is not None and record.attempts[0].tokens == TOKENS


@pytest.mark.server
async def test_payloads_that_cannot_be_decoded_are_counted(
    temporal_server: DevServer, memory: Memory, codec_server: Server
) -> None:
    """The run is stored without them, and the follower tells how many there were."""
    name = await scrambled_run(temporal_server)
    codec_server.answer = 400
    async with following(temporal_server.address, memory, decoder=RemoteCodec(codec_server.url)) as follower:
        await memory.has(name, RunStatus.COMPLETED)
        assert follower.undecoded > 0


async def test_payloads_that_a_server_refuses_stay_unknown(codec_server: Server) -> None:
    """A 400 is about these payloads: counted, and nothing is tried again."""
    codec_server.answer = 400
    codec = RemoteCodec(codec_server.url)
    assert await codec.decode("default", await Scramble().encode([Payload(data=b"x")])) == [None]
    assert codec.refused == 1
    await codec.close()


async def test_the_workers_own_codec_does_as_well() -> None:
    """``module:object``; a payload that it cannot decode stays unknown."""
    codec: Decoder = load_codec(f"{__name__}:Scramble")
    (good,) = await Scramble().encode([Payload(data=b"x")])
    plain = await codec.decode("default", [good, Payload(data=b"\x01\x02")])
    assert plain[0] is not None and plain[0].data == b"x"
    assert plain[1] is None


@pytest.mark.parametrize("path", ["nowhere:Codec", "json:nothing", "json:loads", "json"])
def test_what_is_no_codec_is_one_sentence(path: str) -> None:
    """The option is named and what it should be."""
    with pytest.raises(UsageError, match=f"--data-converter {path}"):
        load_codec(path)
