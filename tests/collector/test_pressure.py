"""Under pressure senders are told when to come back; nothing that was acknowledged is lost, memory stays bounded."""

import gzip
import threading
from functools import partial
from pathlib import Path

import httpx
import pytest

from durascope_dashboard.collector import decoding
from durascope_dashboard.collector import ingest as ingest_
from durascope_dashboard.collector.decoding import Decoder, Waiting
from durascope_dashboard.collector.ingest import Ingest
from durascope_dashboard.collector.otlp import decode_traces
from durascope_dashboard.collector.payloads import Budget, Hold, Overloaded
from durascope_dashboard.store.duckdb_store import DuckStore
from tests.collector.running import RunningCollector, until
from tests.collector.spans import attempt_span, request

TYPE = "application/x-protobuf"
PROTOBUF = {"Content-Type": TYPE}


class Measured(Budget):
    """A budget that remembers the most that was held."""

    peak = 0

    def take(self, size: int) -> None:
        super().take(size)
        self.peak = max(self.peak, self.held)


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


def test_what_a_body_inflates_to_counts_against_the_budget(running: RunningCollector) -> None:
    """A small body that becomes a large one is refused with 429, and gives back what it held; histories the same."""
    receiver, body = running.collector.receiver, gzip.compress(b"\0" * 100_000)
    receiver.budget._limit = 50_000
    for path in ("/v1/traces", "/api/v1/histories", "/api/v1/histories/known"):
        answer = httpx.post(running.url + path, content=body, headers=PROTOBUF | {"Content-Encoding": "gzip"})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert receiver.budget.held == 0


def test_bodies_are_inflated_one_after_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small they came: a batch is full by what its bodies inflate to, so that all are never held at once."""
    monkeypatch.setattr(decoding, "MAX_BATCH_BYTES", 50_000)
    body, budget = gzip.compress(b"\xff" * 100_000), Measured()
    with DuckStore(tmp_path / "store.duckdb") as store:
        decoder = Decoder(Ingest(store))
        waiting = [Waiting("traces", body, TYPE, "gzip", Hold(budget)) for _ in range(24)]
        for one in waiting:
            one.done.add_done_callback(partial(_give, one.hold))
            decoder.submit(one)
        assert {type(one.done.exception(20)).__name__ for one in waiting} == {"MalformedRequest"}
        decoder.close()
    assert (budget.peak, budget.held) == (100_000, 0)


def _give(hold: Hold, _: object) -> None:
    hold.give()


def test_a_request_holds_what_it_inflates_to_until_it_is_committed(running: RunningCollector) -> None:
    """Rows that wait for the writer are in memory as well."""
    receiver, body = running.collector.receiver, request(attempt_span())
    receiver.budget = budget = Measured()
    sent = gzip.compress(body)
    answer = httpx.post(running.url + "/v1/traces", content=sent, headers=PROTOBUF | {"Content-Encoding": "gzip"})
    assert answer.status_code == 200
    assert (budget.peak, budget.held) == (len(sent) + len(body), 0)


def test_who_goes_away_stops_nothing(tmp_path: Path) -> None:
    """A request whose sender gives up is stored all the same, and those after it are answered."""
    with DuckStore(tmp_path / "store.duckdb") as store:
        ingest = Ingest(store)
        decoder = Decoder(ingest)
        left = [Waiting("traces", body, TYPE, "") for body in (b"\xff\xff", request(attempt_span()))]
        for one in left:
            assert not decoder.submit(one).cancel()
        taken = ingest.submit(decode_traces(request(attempt_span(attempt=2))))
        assert not taken.cancel()
        ingest.start()
        last = decoder.submit(Waiting("traces", request(attempt_span(attempt=3)), TYPE, ""))
        assert last.result(20).accepted == 1 and left[1].done.result(20).accepted == 1
        decoder.close()
        ingest.close()
        assert store.query("store_info")["attempts"].to_pylist() == [3]


def test_the_lag_is_the_age_of_what_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that is stuck shows at once, and so does a request that has not been decoded; committed, it is none."""
    written = threading.Event()
    with DuckStore(tmp_path / "store.duckdb") as store:
        ingest = Ingest(store, rollup_interval_s=0.01)
        decoder = Decoder(ingest)
        write = store.write
        monkeypatch.setattr(store, "write", lambda tables: (written.wait(20), write(tables)))
        ingest.start()
        assert ingest.lag_s == 0
        sent = decoder.submit(Waiting("traces", request(attempt_span()), TYPE, ""))
        waits = [until(lambda: ingest.lag_s, "a request that waits")]
        waits.append(until(lambda: ingest.lag_s > waits[0] + 0.05 and ingest.lag_s, "its age"))
        assert ingest.health()["spans"] == 0
        written.set()
        sent.result(20)
        until(lambda: ingest.lag_s == 0, "nothing that waits")
        assert ingest.health()["spans"] == 1
        decoder.close()
        ingest.close()


def test_what_could_not_be_written_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither alone nor as one of a batch that is tried again one by one."""
    with DuckStore(tmp_path / "store.duckdb") as store:
        ingest = Ingest(store)
        monkeypatch.setattr(store, "write", _no_room)
        sent = [ingest.submit(decode_traces(request(attempt_span(attempt=n)))) for n in (1, 2, 3)]
        ingest.start()
        assert {str(one.exception(20)) for one in sent} == {"no room"}
        assert (ingest.counters.spans, ingest.counters.failed_commits) == (0, 3)
        ingest.close()


def _no_room(tables: object) -> None:
    raise OSError("no room")


def test_one_bad_request_costs_its_neighbours_nothing(running: RunningCollector) -> None:
    """Requests that wait together are decoded together: each still gets its own answer."""
    bad = request(attempt_span()).replace(b"4711@host", b"\xff" * 9).replace(b"\x0a\x12temporal", b"\x0a\x7ftemporal")
    bodies = [request(attempt_span()), bad, b"\xff\xff", request(attempt_span(attempt=2))]
    decoder = Decoder(running.collector.ingest)
    waiting = [Waiting("traces", body, TYPE, "") for body in bodies]
    decoder._decode("traces", waiting)
    assert waiting[0].done.result(20).accepted == 1 and waiting[3].done.result(20).accepted == 1
    assert waiting[2].done.exception(20) is not None
    decoder.close()
