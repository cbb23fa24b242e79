"""Who may talk to a collector: Host, Origin, the bearer token, TLS."""

import ssl
from pathlib import Path

import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from durascope_dashboard.collector.guard import is_ours
from durascope_dashboard.collector.settings import Access, Retention, Settings, parse_age, parse_size
from durascope_dashboard.exceptions import StoreUnavailable, UsageError
from durascope_dashboard.remote_reader import RemoteReader
from tests.collector.running import RunningCollector
from tests.collector.spans import attempt_span, request

TLS = Path(__file__).parent / "tls"
PROTOBUF = {"Content-Type": "application/x-protobuf"}


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("127.0.0.1:4318", True), ("[::1]:4318", True), ("localhost", True), ("LOCALHOST:1", True),
        ("durascope:4318", True), ("10.0.0.7", True), ("a.localhost:80", True), ("collector.example:4318", True),
        ("attacker.example", False), ("127.0.0.1.attacker.example:4318", False), ("", False),
    ],
)  # fmt: skip
def test_hosts_that_name_this_collector(host: str, ours: bool) -> None:
    """Addresses, this machine, a container's name and what was allowed; no name that a public page can have."""
    assert is_ours(host, ["collector.example"]) is ours


def test_pages_of_other_origins_are_refused(running: RunningCollector) -> None:
    """A page that rebound its name to loopback shows its Host; any other page shows its Origin."""
    assert httpx.get(running.url + "/api/v1/runs", headers={"Host": "attacker.example"}).status_code == 421
    answer = httpx.post(
        running.url + "/v1/traces", content=request(attempt_span()),
        headers=PROTOBUF | {"Origin": "http://attacker.example"},
    )  # fmt: skip
    assert answer.status_code == 403 and "origin" in Status.FromString(answer.content).message
    assert running.reader.query("store_info")["spans"].to_pylist() == [0]
    own = {"Origin": running.url}
    assert httpx.get(running.url + "/api/v1/runs", headers=own).status_code == 200


def test_with_a_token_nothing_is_answered_without_it(tmp_path: Path) -> None:
    """Over HTTP and gRPC; the health check says only that it is up. With the token, any host name will do."""
    settings = Settings(access=Access(token="s3cret"))
    with RunningCollector(tmp_path / "store.duckdb", settings=settings) as running:
        body = request(attempt_span())
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "s3cret"}):
            answer = httpx.post(running.url + "/v1/traces", content=body, headers=PROTOBUF | headers)
            assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
        assert httpx.get(running.url + "/healthz").json() == {"status": "up"}
        with pytest.raises(StoreUnavailable, match="DURASCOPE_TOKEN"):
            running.reader.query("runs")
        allowed = {"Authorization": "Bearer s3cret", "Host": "collector.example"}
        assert httpx.post(running.url + "/v1/traces", content=body, headers=PROTOBUF | allowed).status_code == 200
        reader = RemoteReader(running.url, token="s3cret")
        assert reader.query("store_info")["spans"].to_pylist() == [1]
        reader.close()
        provider = TracerProvider()
        with provider.get_tracer("test").start_as_current_span("x") as span:
            pass
        sent = {"authorization": "Bearer s3cret"}
        for metadata, expected in (({}, SpanExportResult.FAILURE), (sent, SpanExportResult.SUCCESS)):
            sender = OTLPSpanExporter(f"127.0.0.1:{running.grpc}", insecure=True, headers=metadata, timeout=5)
            assert sender.export([span]) is expected  # type: ignore[list-item]  # an SDK span is readable
            sender.shutdown()
        provider.shutdown()


def test_tls_on_both_ports(tmp_path: Path) -> None:
    """With one certificate; nothing in the clear."""
    settings = Settings(access=Access(certificate=TLS / "certificate.pem", key=TLS / "key.pem"))
    with RunningCollector(tmp_path / "store.duckdb", settings=settings) as running:
        context = ssl.create_default_context(cafile=str(TLS / "certificate.pem"))
        url = f"https://127.0.0.1:{running.http}"
        assert httpx.get(url + "/healthz", verify=context).json()["status"] == "ready"
        with pytest.raises(httpx.HTTPError):
            httpx.get(running.url + "/healthz")
        provider = TracerProvider()
        with provider.get_tracer("test").start_as_current_span("x") as span:
            pass
        import grpc

        credentials = grpc.ssl_channel_credentials((TLS / "certificate.pem").read_bytes())
        sender = OTLPSpanExporter(f"localhost:{running.grpc}", credentials=credentials, timeout=5)
        assert sender.export([span]) is SpanExportResult.SUCCESS  # type: ignore[list-item]  # an SDK span is readable
        sender.shutdown()
        provider.shutdown()


def test_settings_are_checked_in_one_sentence(tmp_path: Path) -> None:
    """Before anything listens."""
    with pytest.raises(UsageError, match="both --tls-cert and --tls-key"):
        Access(certificate=TLS / "certificate.pem")
    with pytest.raises(UsageError, match="does not exist"):
        Access(certificate=tmp_path / "x", key=TLS / "key.pem")
    assert (parse_age("30d"), parse_age("1.5h"), parse_size("10GB"), parse_size("512m")) == (
        2_592_000, 5400, 10 << 30, 512 << 20
    )  # fmt: skip
    for text in ("30", "d", "-1d", "0h"):
        with pytest.raises(UsageError, match="is not an age"):
            parse_age(text)
    for text in ("big", "0", "-5G"):
        with pytest.raises(UsageError, match="is not a size"):
            parse_size(text)
    assert Retention() == Settings().retention and "s3cret" not in repr(Access(token="s3cret"))
