"""OTLP over gRPC: on the SDK's channel, but with our own say in what is tried again."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as Packed
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.sdk.resources import Resource

from durascope._buffer import AGAIN, HOPELESS, TAKEN, Answer
from durascope._otlp import Sender, sender
from durascope._spans import SpanFacts
from durascope._wire import span_request

TLS = Path(__file__).parents[1] / "collector" / "tls"
RESOURCE = Resource({"service.name": "worker"})
SPAN = SpanFacts("work", 1, 2, 0, 1, 2, {})

LATER = Status(details=[Packed(type_url="type.googleapis.com/google.rpc.RetryInfo")]).SerializeToString()


class Witness(TraceServiceServicer):
    """Keeps what it was sent; fails with ``code``, and with ``trailing`` metadata."""

    def __init__(self) -> None:
        self.seen: list[ExportTraceServiceRequest] = []
        self.metadata: dict[str, Any] = {}
        self.code: grpc.StatusCode | None = None
        self.trailing: tuple[tuple[str, bytes], ...] = ()
        self.rejected = 0

    def Export(self, request: ExportTraceServiceRequest, context: Any) -> ExportTraceServiceResponse:  # noqa: N802  # the service's name
        """Take one request."""
        self.seen.append(request)
        self.metadata = dict(context.invocation_metadata())
        context.set_trailing_metadata(self.trailing)
        if self.code is not None:
            context.abort(self.code, "no")
        partial = ExportTracePartialSuccess(rejected_spans=self.rejected)
        return ExportTraceServiceResponse(partial_success=partial)


@pytest.fixture
def witness(monkeypatch: pytest.MonkeyPatch) -> Iterator[Witness]:
    """A server that the variables name."""
    found, server = Witness(), grpc.server(ThreadPoolExecutor(1))
    add_TraceServiceServicer_to_server(found, server)  # type: ignore[no-untyped-call]  # generated
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    yield found
    server.stop(None).wait()


def connected() -> Sender:
    return sender("TRACES", lambda spans: span_request(spans, RESOURCE))


def test_a_request_is_what_http_sends(witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the headers that the variable names, compressed or not."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    send = connected()
    assert send([SPAN]) == TAKEN
    assert witness.seen[0].SerializeToString() == span_request([SPAN], RESOURCE)
    assert witness.metadata["x-tenant"] == "a"
    send.close()


@pytest.mark.parametrize(
    ("code", "trailing", "answer"),
    [
        (grpc.StatusCode.UNAVAILABLE, (), AGAIN),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, (("google.rpc.retryinfo-bin", b""),), AGAIN),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, (("grpc-status-details-bin", LATER),), AGAIN),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, (("grpc-status-details-bin", b""),), HOPELESS),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, (), HOPELESS),
        (grpc.StatusCode.INVALID_ARGUMENT, (), HOPELESS),
    ],
)
def test_what_became_of_a_batch(
    witness: Witness,
    caplog: pytest.LogCaptureFixture,
    code: grpc.StatusCode,
    trailing: tuple[tuple[str, bytes], ...],
    answer: Answer,
) -> None:
    """One that is too large is never taken as it is; it is asked once, and said once."""
    witness.code, witness.trailing = code, trailing
    send = connected()
    assert (send([SPAN]), send([SPAN])) == (answer, answer)
    assert len(witness.seen) == 2
    assert len([record for record in caplog.records if code.name in record.getMessage()]) == 1
    witness.code, witness.rejected = None, 1
    assert send([SPAN]) == Answer(True, rejected=1)
    send.close()


def test_tls_with_a_certificate_of_ones_own(witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's is checked against the one that is named, and the client shows its own."""
    certificate, key = TLS / "certificate.pem", TLS / "key.pem"
    shown = grpc.ssl_server_credentials(
        [(key.read_bytes(), certificate.read_bytes())], certificate.read_bytes(), require_client_auth=True
    )
    server = grpc.server(ThreadPoolExecutor(1))
    add_TraceServiceServicer_to_server(witness, server)  # type: ignore[no-untyped-call]  # generated
    port = server.add_secure_port("127.0.0.1:0", shown)
    server.start()
    try:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"https://127.0.0.1:{port}")
        answers = []
        for variables in (
            {},
            {"OTEL_EXPORTER_OTLP_CERTIFICATE": certificate},
            {"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": certificate, "OTEL_EXPORTER_OTLP_CLIENT_KEY": key},
        ):
            for name, value in variables.items():
                monkeypatch.setenv(name, str(value))
            send = connected()
            answers.append(send([SPAN]))
            send.close()
        assert answers == [AGAIN, AGAIN, TAKEN] and len(witness.seen) == 1
    finally:
        server.stop(None).wait()
