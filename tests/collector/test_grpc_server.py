"""OTLP over gRPC: many at once, and what is told to those who should send again."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from durascope.identity import RunKey
from durascope_dashboard.collector import grpc_server
from durascope_dashboard.collector.payloads import Overloaded
from tests.collector.running import RunningCollector, until
from tests.collector.spans import attempt_span, request

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
MANY = 60


def export(running: RunningCollector, body: bytes) -> grpc.StatusCode:
    """Send one request on a connection of its own, and say how it was answered."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"127.0.0.1:{running.grpc}", options=options) as channel:
        try:
            channel.unary_unary(EXPORT)(body, timeout=30)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


@contextmanager
def waiting(running: RunningCollector, count: int) -> Iterator[list[Future[grpc.StatusCode]]]:
    """So many calls at once, none of which can be written before this is left."""
    written, store = threading.Event(), running.collector.store
    write = store.write
    bodies = [request(attempt_span(RunKey("default", f"order-{n}", "run"))) for n in range(count)]
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(count) as senders:
        patch.setattr(store, "write", lambda tables: (written.wait(20), write(tables)))
        try:
            yield [senders.submit(export, running, body) for body in bodies]
        finally:
            written.set()


def test_many_at_once_are_all_stored(running: RunningCollector) -> None:
    """They wait for the writer, and none is refused."""
    with waiting(running, MANY) as answers:
        until(lambda: running.collector.health()["queued_rows"], "requests that wait for the writer")
    assert {answer.result() for answer in answers} == {grpc.StatusCode.OK}
    assert running.reader.query("store_info")["spans"].to_pylist() == [MANY]


def test_more_than_may_wait_are_told_to_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, while the others wait; what was not refused is stored."""
    monkeypatch.setattr(grpc_server, "MAX_IN_FLIGHT", 4)
    with RunningCollector(tmp_path / "store.duckdb") as running:
        with waiting(running, MANY) as answers:
            until(lambda: sum(answer.done() for answer in answers) == MANY - 4, "all refusals")
        codes = [answer.result() for answer in answers]
        assert codes.count(grpc.StatusCode.UNAVAILABLE) == MANY - 4
        assert running.reader.query("store_info")["spans"].to_pylist() == [codes.count(grpc.StatusCode.OK)] == [4]


@pytest.mark.parametrize(("error", "seconds"), [(Overloaded("rows are waiting"), 1), (OSError("no room"), 5)])
def test_what_should_be_sent_again_says_when(
    running: RunningCollector, monkeypatch: pytest.MonkeyPatch, error: Exception, seconds: int
) -> None:
    """UNAVAILABLE, with a google.rpc.RetryInfo in the status' details."""

    def refuse(tables: object) -> None:
        raise error

    monkeypatch.setattr(running.collector.store, "write", refuse)
    with grpc.insecure_channel(f"127.0.0.1:{running.grpc}") as channel, pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary(EXPORT)(request(attempt_span()), timeout=30)
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE and str(error) in raised.value.details()
    status = Status.FromString(dict(raised.value.trailing_metadata())["grpc-status-details-bin"])
    assert (status.code, status.message) == (14, raised.value.details())
    hint = RetryInfo()
    assert status.details[0].Unpack(hint) and hint.retry_delay.seconds == seconds
