"""Under pressure senders are told when to come back; nothing that was acknowledged is lost, memory stays bounded."""

from pathlib import Path

import httpx
import pytest

from durascope_dashboard.collector import ingest as ingest_
from durascope_dashboard.collector.ingest import Ingest
from durascope_dashboard.collector.otlp import decode_traces
from durascope_dashboard.collector.payloads import Budget, Overloaded
from durascope_dashboard.store.duckdb_store import DuckStore
from tests.collector.running import RunningCollector
from tests.collector.spans import attempt_span, request

PROTOBUF = {"Content-Type": "application/x-protobuf"}


def test_a_full_queue_refuses_and_later_takes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was queued before is written; what was refused is not, and can be sent again."""
    monkeypatch.setattr(ingest_, "MAX_QUEUED_ROWS", 3)
    with DuckStore(tmp_path / "store.duckdb") as store:
        ingest = Ingest(store)  # its writer has not been started: nothing leaves the queue
        taken = ingest.submit(decode_traces(request(attempt_span())))
        with pytest.raises(Overloaded, match="send again"):
            ingest.submit(decode_traces(request(attempt_span(attempt=2), attempt_span(attempt=3))))
        ingest.start()
        taken.result(20)
        ingest.submit(decode_traces(request(attempt_span(attempt=2)))).result(20)
        ingest.close()
        assert ingest.counters.refused == 1
        assert store.query("store_info")["attempts"].to_pylist() == [2]


def test_requests_beyond_the_budget_get_429_with_retry_after(running: RunningCollector) -> None:
    """While others are being read; afterwards there is room again."""
    receiver, body = running.collector.receiver, request(attempt_span())
    receiver.budget = Budget(limit=len(body) + 10)
    receiver.budget.take(11)
    answer = httpx.post(running.url + "/v1/traces", content=body, headers=PROTOBUF)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    receiver.budget.give(11)
    for _ in range(3):  # each gives back what it took
        assert httpx.post(running.url + "/v1/traces", content=body, headers=PROTOBUF).status_code == 200
    assert receiver.budget.held == 0


def test_one_bad_request_costs_its_neighbours_nothing(running: RunningCollector) -> None:
    """Requests that wait together are decoded together: each still gets its own answer."""
    from durascope_dashboard.collector.decoding import Decoder, Waiting

    bad = request(attempt_span()).replace(b"4711@host", b"\xff" * 9).replace(b"\x0a\x12temporal", b"\x0a\x7ftemporal")
    bodies = [request(attempt_span()), bad, b"\xff\xff", request(attempt_span(attempt=2))]
    decoder = Decoder(running.collector.ingest)
    waiting = [Waiting("traces", body, "application/x-protobuf", "") for body in bodies]
    decoder._decode("traces", waiting)
    assert waiting[0].done.result(20).accepted == 1 and waiting[3].done.result(20).accepted == 1
    assert waiting[2].done.exception(20) is not None
    decoder.close()
