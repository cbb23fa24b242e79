"""OTLP over HTTP as the standard variables say: where it goes, what goes with it, and what is said when it cannot."""

import gzip
import logging
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from opentelemetry.sdk.resources import Resource

from durascope._otlp import Http, http_url, uses_http
from durascope._spans import SpanFacts
from durascope._wire import span_request

RESOURCE = Resource({"service.name": "worker"})
SPAN = SpanFacts("work", 1, 2, 0, 1, 2, {})
BODY = span_request([SPAN], RESOURCE)


class Witness(ThreadingHTTPServer):
    """Keeps what it was sent; answers ``status``."""

    daemon_threads = True
    status = 200

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
        self.send_header("content-length", "0")
        self.end_headers()

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
    assert send([SPAN]) and send([SPAN])
    path, headers, body = witness.seen[0]
    assert (path, headers["content-type"], body) == ("/in/v1/traces", "application/x-protobuf", BODY)
    assert headers["user-agent"].startswith("Durascope/") and "content-encoding" not in headers
    assert len(witness.connections) == 1


def test_headers_and_compression(witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    """URL encoding is undone; the signal's own variable goes first."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc,x-tenant=a")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    assert sender()([SPAN])
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=Bearer%20own")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "deflate")
    assert sender()([SPAN])
    (_, first, zipped), (_, second, deflated) = witness.seen
    assert (first["authorization"], first["x-tenant"], gzip.decompress(zipped)) == ("Bearer abc", "a", BODY)
    assert (second["authorization"], zlib.decompress(deflated)) == ("Bearer own", BODY) and "x-tenant" not in second


def test_a_timeout_that_is_no_number_is_the_default(
    witness: Witness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker starts all the same."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")
    assert sender()([SPAN])
    assert "OTEL_EXPORTER_OTLP_TIMEOUT is not a number of seconds; 10 are taken" in caplog.text


def test_where_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default, all signals' endpoint, and one signal's own, which is taken as it is."""
    assert (http_url("TRACES"), uses_http("TRACES")) == ("http://localhost:4318/v1/traces", True)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collect.invalid/otlp")
    assert http_url("LOGS") == "https://collect.invalid/otlp/v1/logs"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "https://logs.invalid/take")
    assert http_url("LOGS") == "https://logs.invalid/take"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collect.invalid:4317")
    assert not uses_http("TRACES")


def test_a_proxy_is_used_unless_the_host_is_excepted(witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the variables that every HTTP client knows; a proxy is asked for the whole URL."""
    port = witness.server_address[1]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collect.invalid:4318")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    assert sender()([SPAN])
    assert witness.seen[0][0] == "http://collect.invalid:4318/v1/traces"
    monkeypatch.setenv("no_proxy", "collect.invalid")
    assert not sender()([SPAN])


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
        assert send([SPAN]) is taken
    said = [record.getMessage() for record in caplog.records if record.name == "durascope"]
    assert [why for each in said for why in ("503", "400") if why in each] == ["503", "400"]
    assert "hush" not in caplog.text
    witness.shutdown()
    witness.server_close()
    assert send([SPAN]) is False
