"""The whole collector over loopback: real exporters in, committed rows and joined runs out."""

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.protobuf import json_format
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from durascope import conventions as names
from durascope_dashboard.exceptions import PortInUse, StoreLocked, StoreUnavailable, UnknownQuery, UsageError
from durascope_dashboard.reader import connect
from durascope_dashboard.store.duckdb_store import DuckStore
from tests.collector.running import RunningCollector, until
from tests.collector.spans import RUN, attempt_attributes, attempt_span, request, started_event

PROTOBUF = {"Content-Type": "application/x-protobuf"}


def exporter(running: RunningCollector, protocol: str) -> SpanExporter:
    if protocol == "grpc":
        return GrpcExporter(endpoint=f"127.0.0.1:{running.grpc}", insecure=True)
    compression = Compression.Gzip if protocol == "http+gzip" else Compression.NoCompression
    return HttpExporter(endpoint=f"{running.url}/v1/traces", compression=compression)


@pytest.mark.parametrize("protocol", ["grpc", "http", "http+gzip"])
def test_real_exporters_are_acknowledged_after_commit(running: RunningCollector, protocol: str) -> None:
    """What an exporter reports as sent can be queried at once: there is no window after the acknowledgement."""
    provider = TracerProvider()
    with provider.get_tracer("test").start_as_current_span("x", attributes=attempt_attributes()) as span:
        pass
    sender = exporter(running, protocol)
    assert sender.export([span]) is SpanExportResult.SUCCESS  # type: ignore[list-item]  # an SDK span is readable
    rows = running.reader.query("spans", workflow_id=RUN.workflow_id).to_pylist()
    assert [row["name"] for row in rows] == ["x"]
    assert json.loads(rows[0]["attributes"])[names.WORKER] == "4711@host"
    sender.shutdown()
    provider.shutdown()


def post(running: RunningCollector, path: str, body: bytes, **headers: str) -> httpx.Response:
    return httpx.post(running.url + path, content=body, headers=PROTOBUF | headers)


def test_a_span_sent_twice_is_one_span_and_one_attempt(on_either: RunningCollector) -> None:
    """Exporters retry: the span stands once, the repetition is counted on the run."""
    for _ in range(3):
        assert post(on_either, "/v1/traces", request(attempt_span())).status_code == 200
    assert on_either.reader.query("spans", workflow_id=RUN.workflow_id).num_rows == 1
    attempts = until(lambda: on_either.reader.query("attempts", workflow_id=RUN.workflow_id).to_pylist(), "an attempt")
    assert [(row["activity_id"], row["attempt"], row["source"]) for row in attempts] == [("1", 1, "span")]
    until(
        lambda: on_either.reader.query("run", workflow_id=RUN.workflow_id).to_pylist()[0]["duplicate_spans"] == 2,
        "both repetitions counted",
    )


@pytest.mark.parametrize("order", ["event first", "span first"])
def test_an_attempt_span_wins_over_its_started_event(on_either: RunningCollector, order: str) -> None:
    """In whichever order they arrive: an attempt that ended never goes back to running."""
    sends = [("/v1/logs", started_event()), ("/v1/traces", request(attempt_span()))]
    for path, body in sends if order == "event first" else reversed(sends):
        assert post(on_either, path, body).status_code == 200
    rows = on_either.collector.store.evidence_tables([RUN])["span_attempts"]
    assert rows.select(["status", "begun_only"]).to_pylist() == [{"status": "ok", "begun_only": False}]


def test_refusals_say_why(running: RunningCollector) -> None:
    """400 for garbage, 415 for other types, 413 for bombs, partial success for single bad spans: never a 500."""
    assert post(running, "/v1/traces", b"\xff\xff").status_code == 400
    assert post(running, "/v1/traces", b"nothing", **{"Content-Encoding": "gzip"}).status_code == 400
    assert post(running, "/v1/traces", b"", **{"Content-Encoding": "br"}).status_code == 415
    assert post(running, "/v1/traces", b"", **{"Content-Type": "text/plain"}).status_code == 415
    bomb = gzip.compress(b"\0" * (65 << 20))
    answer = post(running, "/v1/traces", bomb, **{"Content-Encoding": "gzip"})
    assert answer.status_code == 413 and "inflates" in Status.FromString(answer.content).message
    assert post(running, "/v1/traces", b"\0" * (17 << 20)).status_code == 413
    assert httpx.get(running.url + "/v1/traces").status_code == 405


def test_a_refusal_is_in_the_type_of_its_request(running: RunningCollector) -> None:
    """google.rpc.Status as OTLP has it, in protobuf or JSON; types are read without regard to case or parameters."""
    answer = post(running, "/v1/traces", b"\xff\xff", **{"Content-Type": "Application/X-Protobuf; v=1"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/x-protobuf")
    assert "not an OTLP trace request" in Status.FromString(answer.content).message
    answer = post(running, "/v1/traces", b"[]", **{"Content-Type": "application/JSON; charset=utf-8"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
    assert "not an OTLP JSON object" in json_format.Parse(answer.content, Status()).message
    answer = post(running, "/v1/traces", b"", **{"Content-Type": "text/plain"})
    assert "'text/plain' is not OTLP" in json_format.Parse(answer.content, Status()).message


def test_json_is_read_as_protobuf_is(running: RunningCollector) -> None:
    """OTLP's JSON has hex ids and numbers as text; unknown fields are passed over."""
    attributes = [
        {"key": names.WORKFLOW_ID, "value": {"stringValue": "w"}},
        {"key": names.RUN_ID, "value": {"stringValue": "r"}},
        {"key": names.GEN_AI_INPUT_TOKENS, "value": {"intValue": "12"}},
    ]
    span = {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "json",
            "startTimeUnixNano": "1790000000000000000", "kind": 1, "attributes": attributes, "newField": 1}  # fmt: skip
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    answer = httpx.post(running.url + "/v1/traces", json=body)
    assert (answer.status_code, answer.headers["content-type"], answer.json()) == (200, "application/json", {})
    row = running.reader.query("spans", trace_id=span["traceId"]).to_pylist()[0]
    assert (row["span_id"], row["workflow_id"], row["input_tokens"]) == ("eee19b7ec3c1b174", "w", 12)
    assert httpx.post(running.url + "/v1/traces", json={"resourceSpans": [1]}).status_code == 400
    span["traceId"] = "not hex"
    assert httpx.post(running.url + "/v1/traces", json=body).status_code == 400


def test_metrics_are_accepted_and_counted(running: RunningCollector) -> None:
    """An exporter of all three signals needs no exception for ours."""
    assert post(running, "/v1/metrics", b"").status_code == 200
    assert running.reader.health()["metric_requests"] == 1


def test_errors_of_queries_arrive_as_they_were_raised(running: RunningCollector) -> None:
    """The reader over HTTP raises what the store raised, with its sentence."""
    with pytest.raises(UnknownQuery, match="no query 'nonsense'"):
        running.reader.query("nonsense")
    with pytest.raises(UnknownQuery, match="no parameter 'colour'"):
        running.reader.query("runs", colour="red")
    with pytest.raises(UsageError, match="whole number"):
        running.reader.query("runs", since="yesterday")
    with pytest.raises(UsageError, match="needs the parameter 'workflow_id'"):
        running.reader.query("run")


def test_healthz_tells_lag_and_counts(running: RunningCollector) -> None:
    """Ready, with what went through and how far behind it is."""
    post(running, "/v1/traces", request(attempt_span()))
    health = running.reader.health()
    assert (health["status"], health["engine"], health["spans"]) == ("ready", "duckdb", 1)
    assert health["history"] == {"state": "off"} and health["ingest_lag_s"] < 5


def test_connect_finds_the_collector_else_opens_the_store(
    running: RunningCollector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is named must answer; a store that is named is opened; both errors say what to do."""
    reader = connect(running.url)
    assert reader.query("store_info").num_rows == 1
    reader.close()
    with pytest.raises(StoreLocked, match="in use by process"):
        # In a process of its own DuckDB would refuse; here the same process holds it, so ask one.
        _open_elsewhere(Path(running.collector.store.name))
    with pytest.raises(StoreUnavailable, match="does not answer"):
        connect("http://127.0.0.1:1")
    monkeypatch.setenv("DURASCOPE_SERVER", "http://127.0.0.1:1")
    monkeypatch.setenv("DURASCOPE_STORE", str(tmp_path / "none.duckdb"))
    with pytest.raises(StoreUnavailable, match="no store at"):
        connect()
    DuckStore(tmp_path / "other.duckdb").close()
    reader = connect(store=tmp_path / "other.duckdb")
    assert reader.query("store_info")["runs"].to_pylist() == [0]
    reader.close()


def _open_elsewhere(path: Path) -> None:
    code = "import sys; from durascope_dashboard.store.duckdb_store import DuckStore\n"
    code += "try: DuckStore(sys.argv[1], read_only=True)\nexcept Exception as e: print(type(e).__name__, e)"
    out = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True).stdout
    kind, _, message = out.partition(" ")
    assert kind == "StoreLocked"
    raise StoreLocked(message)


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    """For both ports, and the store is released again."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        address = f"127.0.0.1:{holder.getsockname()[1]}"
        for addresses in ((address, "127.0.0.1:0"), ("127.0.0.1:0", address)):
            with pytest.raises(PortInUse, match=address):
                _collect(tmp_path / "store.duckdb", *addresses)
    DuckStore(tmp_path / "store.duckdb").close()


def _collect(store: Path, grpc: str, http: str) -> None:
    from durascope_dashboard.collector.server import run_collector

    run_collector(store, grpc, http)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_and_everything_flushed(tmp_path: Path, number: int) -> None:
    """As a process: what was acknowledged is in the file and joined, and nothing is left running."""
    store = tmp_path / "store.duckdb"
    code = (
        "import sys; from pathlib import Path; from durascope_dashboard.collector.server import run_collector\n"
        "sys.exit(run_collector(Path(sys.argv[1]), '127.0.0.1:0', '127.0.0.1:0',"
        " on_ready=lambda a: print(a['http'][1], flush=True)))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(store)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = int(process.stdout.readline())
    url = f"http://127.0.0.1:{port}/v1/traces"
    assert httpx.post(url, content=request(attempt_span()), headers=PROTOBUF).status_code == 200
    os.kill(process.pid, number)
    assert process.wait(20) == 0
    process.stdout.close()
    with DuckStore(store, read_only=True) as found:
        info: dict[str, Any] = found.query("store_info").to_pylist()[0]
    assert (info["spans"], info["attempts"], info["runs"]) == (1, 1, 1)
