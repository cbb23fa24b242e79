"""OTLP over HTTP as the standard variables say: where it goes, what goes with it, and what is said when it cannot."""

import gzip
import logging
import ssl
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource

from durascope._buffer import AGAIN, HOPELESS, TAKEN, Answer
from durascope._otlp import Http
from durascope._spans import SpanFacts
from durascope._wire import span_request

RESOURCE = Resource({"service.name": "worker"})
TLS = Path(__file__).parents[1] / "collector" / "tls"
SPAN = SpanFacts("work", 1, 2, 0, 1, 2, {})
BODY = span_request([SPAN], RESOURCE)


class Witness(ThreadingHTTPServer):
    """Keeps what it was sent; answers ``status`` and ``answer``."""

    daemon_threads = True
    status = 200
    answer = b""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.connections: set[object] = set()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take one request."""
        server = self.server
        assert isinstance(server, Witness)
        body = self.rfile.read(int(self.headers["content-length"]))
        server.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        server.connections.add(self.client_address)
        self.send_response(server.status)
        self.send_header("content-length", str(len(server.answer)))
        self.end_headers()
        self.wfile.write(server.answer)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def witness(monkeypatch: pytest.MonkeyPatch) -> Iterator[Witness]:
    """A server that the variables name."""
    server = Witness()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}/in/")
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def sender() -> Http:
    return Http("TRACES", lambda spans: span_request(spans, RESOURCE))


def test_a_request_is_one_message_on_a_connection_that_is_kept(witness: Witness) -> None:
    """POST, protobuf, the signal's path after the endpoint's own."""
    send = sender()
    assert send([SPAN]).taken and send([SPAN]).taken
    path, headers, body = witness.seen[0]
    assert (path, headers["content-type"], body) == ("/in/v1/traces", "application/x-protobuf", BODY)
    assert headers["user-agent"].startswith("Durascope/") and "content-encoding" not in headers
    assert len(witness.connections) == 1


def test_headers_and_compression(witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    """URL encoding is undone; the signal's own variable goes first."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc,x-tenant=a")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    assert sender()([SPAN]).taken
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=Bearer%20own")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "deflate")
    assert sender()([SPAN]).taken
    (_, first, zipped), (_, second, deflated) = witness.seen
    assert (first["authorization"], first["x-tenant"], gzip.decompress(zipped)) == ("Bearer abc", "a", BODY)
    assert (second["authorization"], zlib.decompress(deflated)) == ("Bearer own", BODY) and "x-tenant" not in second


def test_a_timeout_that_is_no_number_is_the_default(
    witness: Witness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker starts all the same."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")
    assert sender()([SPAN]).taken
    assert "OTEL_EXPORTER_OTLP_TIMEOUT is not a number of seconds; 10 are taken" in caplog.text


def test_a_proxy_is_used_unless_the_host_is_excepted(witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the variables that every HTTP client knows; a proxy is asked for the whole URL."""
    port = witness.server_address[1]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collect.invalid:4318")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    assert sender()([SPAN]).taken
    assert witness.seen[0][0] == "http://collect.invalid:4318/v1/traces"
    monkeypatch.setenv("no_proxy", "collect.invalid")
    assert not sender()([SPAN]).taken


def test_a_refusal_is_said_once_and_tells_no_secret(
    witness: Witness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Once for each time that it stops working, without what the URL or a header keeps secret."""
    port = witness.server_address[1]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://ann:hush@127.0.0.1:{port}/v1/traces?key=hush")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=hush")
    send = sender()
    caplog.set_level(logging.INFO)
    for status, taken in ((503, False), (503, False), (200, True), (400, False)):
        witness.status = status
        assert send([SPAN]).taken is taken
    said = [record.getMessage() for record in caplog.records if record.name == "durascope"]
    assert [why for each in said for why in ("503", "400") if why in each] == ["503", "400"]
    assert "hush" not in caplog.text
    witness.shutdown()
    witness.server_close()
    assert not send([SPAN]).taken


@pytest.mark.parametrize(
    ("status", "answer"), [(200, TAKEN), (400, HOPELESS), (404, AGAIN), (413, HOPELESS), (429, AGAIN), (503, AGAIN)]
)
def test_what_became_of_a_batch(witness: Witness, status: int, answer: Answer) -> None:
    """One that is too large or malformed is never taken as it is; anything else may pass."""
    witness.status = status
    assert sender()([SPAN]) == answer


def test_a_partial_success(witness: Witness, caplog: pytest.LogCaptureFixture) -> None:
    """What the collector has rejected is told, and why; an answer in other words is none."""
    partial = ExportTracePartialSuccess(rejected_spans=2, error_message="too old")
    witness.answer = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
    assert sender()([SPAN] * 3) == Answer(True, rejected=2)
    assert "has rejected 2 of 3: too old" in caplog.text
    witness.answer = b"{}"
    assert sender()([SPAN]) == TAKEN


def test_users_in_urls_are_sent(witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint's and the proxy's, each to whom it is for."""
    port = witness.server_address[1]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://ann:hush@127.0.0.1:{port}")
    assert sender()([SPAN]).taken
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collect.invalid:4318")
    monkeypatch.setenv("http_proxy", f"bob:hush@127.0.0.1:{port}")
    assert sender()([SPAN]).taken
    direct, through = (headers for _, headers, _ in witness.seen)
    assert (direct["authorization"], "proxy-authorization" in direct) == ("Basic YW5uOmh1c2g=", False)
    assert (through["proxy-authorization"], "authorization" in through) == ("Basic Ym9iOmh1c2g=", False)


def test_tls_with_a_certificate_of_ones_own(witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's is checked against the one that is named, and the client shows its own."""
    certificate, key = str(TLS / "certificate.pem"), str(TLS / "key.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    witness.socket = context.wrap_socket(witness.socket, server_side=True)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"https://127.0.0.1:{witness.server_address[1]}")
    assert not sender()([SPAN]).taken
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", certificate)
    assert not sender()([SPAN]).taken
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", certificate)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", key)
    assert sender()([SPAN]).taken
    assert witness.seen[0][2] == BODY
