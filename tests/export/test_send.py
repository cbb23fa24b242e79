"""OTLP to a real collector: every span arrives, twice is once, and a receiver that is away or refuses is told of."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from durascope_dashboard.exceptions import ExportError
from durascope_dashboard.export import otlp
from durascope_dashboard.export.follow import Follow
from durascope_dashboard.export.run import run_export
from durascope_dashboard.export.selection import Selection
from durascope_dashboard.export.send import Destination
from durascope_dashboard.export.sinks import OtlpSink
from durascope_dashboard.export.source import Wanted, batches
from durascope_dashboard.export.spans import run_trace
from durascope_dashboard.local_reader import LocalReader
from durascope_dashboard.reader import Reader
from durascope_dashboard.store.duckdb_store import DuckStore
from tests.export.conftest import RunningCollector
from tests.export.fleet import T0, S
from tests.store.rows import evidence_of, rows

Start = Callable[[], RunningCollector]


def _received(collector: RunningCollector) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = collector.reader.query("spans", workflow_id="research-1").to_pylist()
    return rows


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_a_history_only_run_arrives_whole_and_once(reader: Reader, start_collector: Start, protocol: str) -> None:
    """Sent twice, each span is there once with the ids, parents, times and tokens that it was sent with."""
    collector = start_collector()
    for _ in range(2):
        sink = OtlpSink(Destination(collector.url(protocol), protocol).open())
        done = run_export(reader, sink, Wanted())
        assert (done.runs, sink.spans) == (2, 7)
    spans = _received(collector)
    sent = run_trace(next(rows for batch in batches(reader, Wanted()) for rows in batch.each()))
    assert {(s["span_id"], s["parent_span_id"], s["name"], s["start"], s["end"], s["status"]) for s in spans} == {
        (s.span_id, s.parent_span_id, s.name, s.start, s.end, s.status) for s in sent
    }
    assert len(spans) == 7 and sum(span["input_tokens"] or 0 for span in spans) == 100


def test_our_own_words_are_no_evidence(reader: Reader, start_collector: Start) -> None:
    """An export that comes back to a collector of ours is kept as a trace, but no worker has told of its attempts."""
    collector = start_collector()
    run_export(reader, OtlpSink(Destination(collector.url("grpc")).open()), Wanted())
    store = collector.collector.store
    assert len(_received(collector)) == 7
    assert store.query("store_info").to_pylist()[0]["spans"] == 7
    evidence = evidence_of(store, ("default", "research-1", "run-1"))
    assert len(evidence.span_attempts) == 0


def test_follow_sends_what_closed_since_and_nothing_twice(reader: Reader, start_collector: Start) -> None:
    """The watermark moves with each step; an open run is not sent."""
    collector = start_collector()
    sink = OtlpSink(Destination(collector.url("grpc")).open())
    follow = Follow(reader, sink, Wanted(), watermark=T0, settle_s=1.0)
    assert [follow.step(T0 + seconds * S) for seconds in (5, 21, 23, 60)] == [0, 0, 1, 0]
    assert len(_received(collector)) == 7
    sink.close()


def test_follow_finds_a_run_that_is_stored_long_after_it_was_joined(tmp_path: Path) -> None:
    """A pass over many runs takes longer than a run rests; what was there before the start is not sent."""
    sent: list[str] = []

    class Kept:
        def write(self, selection: Selection) -> None:
            sent.extend(selection.runs["run_id"].to_pylist())

        def close(self) -> None: ...

    with DuckStore(tmp_path / "store.duckdb") as store:

        def stored(run_id: str, joined: int) -> None:
            run = {"run_id": run_id, "status": "completed", "started": T0, "updated": joined}
            store.replace_joined({"runs": rows("runs", run), "operations": rows("operations")})

        follow = Follow(LocalReader(store), Kept(), Wanted(), watermark=T0)
        stored("before", T0 - S)
        follow.step(T0 + S)
        stored("slow to start", T0 - 2 * S)
        stored("in time", T0 + 9 * S)
        assert follow.step(T0 + 20 * S) == 2
        stored("late", T0 + 8 * S)
        assert follow.step(T0 + 22 * S) == 1
        stored("late", T0 + 21 * S)  # joined once more
        assert [follow.step(T0 + seconds * S) for seconds in (26, 28, 200)] == [1, 0, 0]
    assert sorted(sent) == ["in time", "late", "late", "slow to start"]


def test_follow_waits_for_a_destination_that_is_away(reader: Reader) -> None:
    """Nothing is lost: the step fails, the watermark stays."""
    sender = Destination("http://127.0.0.1:1", "http/protobuf").open(sleep=lambda seconds: None)
    follow = Follow(reader, OtlpSink(sender), Wanted(), watermark=T0)
    with pytest.raises(ExportError, match="did not take the export"):
        follow.step(T0 + 60 * S)
    assert follow.watermark == T0


@contextmanager
def _receiver(statuses: list[int]) -> Iterator[tuple[str, list[bytes]]]:
    """An HTTP server that answers with these statuses in turn and keeps the bodies."""
    bodies: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(statuses.pop(0))
            self.send_header("Retry-After", "7")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", bodies
    server.shutdown()
    thread.join()
    server.server_close()


def test_busy_receivers_are_tried_again_when_they_say() -> None:
    """429 and 503 wait for Retry-After and send the same body again."""
    waits: list[float] = []
    with _receiver([429, 503, 200]) as (url, bodies):
        sender = Destination(url, "http/protobuf").open(sleep=waits.append)
        sender.send(otlp.request([]))
        sender.close()
    assert waits == [7.0, 7.0] and len(set(bodies)) == 1 and len(bodies) == 3


def test_a_refusal_is_not_tried_again() -> None:
    """400 is final; the error names the endpoint and the status."""
    with _receiver([400]) as (url, bodies):
        sender = Destination(url, "http/protobuf").open(sleep=lambda seconds: None)
        with pytest.raises(ExportError, match=f"{url}/v1/traces did not take the export .HTTP 400"):
            sender.send(otlp.request([]))
        sender.close()
    assert len(bodies) == 1
