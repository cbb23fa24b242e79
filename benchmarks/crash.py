"""What a collector loses or doubles: killed, on a full disk, given bodies that are garbage, left by its Temporal.

python -m benchmarks.crash [--kills 30] [--bodies 10000] [--keep]
"""

import argparse
import http.client
import random
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from google.rpc.status_pb2 import Status

from benchmarks.histories import NAMESPACE, HistorySenders, check_histories
from benchmarks.load import SPANS_PER_RUN, requests
from benchmarks.running import CollectorProcess, machine, percentiles, report
from benchmarks.sending import HEADERS, Senders
from benchmarks.temporal_away import temporal_away
from durascope_dashboard.demo.dev_server import free_port
from durascope_dashboard.remote_reader import RemoteReader
from durascope_dashboard.store.duckdb_store import DuckStore

CONNECTIONS = 32  # of those that send garbage: an answer takes some 40 ms, since bodies are gathered to be decoded
OPERATIONS, ATTEMPTS = 6, 7  # of every run in benchmarks/load.py


def check(store: Path, acknowledged: list[str]) -> dict[str, Any]:
    """What is in the store against what was acknowledged."""
    with DuckStore(store, read_only=True) as opened:
        told = opened.sql(
            "SELECT run_id, count(DISTINCT span_id) AS spans, count(*) AS received FROM spans GROUP BY run_id"
        ).to_pylist()
        joined = opened.sql(
            f"SELECT run_id, operations, attempts, duplicate_spans FROM runs WHERE namespace <> '{NAMESPACE}'"
        ).to_pylist()
    spans = {row["run_id"]: row["spans"] for row in told}
    runs = {row["run_id"]: row for row in joined}
    return {
        "acknowledged_runs": len(acknowledged),
        "lost_runs": sum(spans.get(run, 0) != SPANS_PER_RUN for run in acknowledged),
        "sent_again_runs": sum(row["received"] > SPANS_PER_RUN for row in told),
        "doubled_runs": sum(row["operations"] != OPERATIONS or row["attempts"] != ATTEMPTS for row in runs.values()),
        "unjoined_runs": sum(run not in runs for run in acknowledged),
        "rows_twice": len(joined) - len(runs),
    }


def kills(folder: Path, count: int, seed: int) -> dict[str, Any]:
    """SIGKILL under load, at random moments, always on the same store; senders send again what was not acknowledged.

    Spans come over OTLP, histories of other runs over the collector's own API.
    """
    chance, store, port = random.Random(seed), folder / "killed.duckdb", free_port()
    collector = CollectorProcess(store, http=port)
    senders = Senders(port, connections=3, spans_per_request=400).start()
    histories = HistorySenders(collector.url).start()
    restarts = []
    for _ in range(count):
        time.sleep(chance.uniform(0.1, 1.5))
        collector.kill()
        collector = CollectorProcess(store, http=port)
        restarts.append(collector.ready_s)
    time.sleep(1)
    senders.stop()
    histories.stop()
    _wait_until_joined(collector.url)
    code = collector.stop()
    acknowledged = [run for sent in senders.log for run in sent.runs]
    written = {"sent_again": histories.sent_again, **check_histories(store, histories.log, folder)}
    return {"kills": count, "exit_code_at_end": code, "restart_s": percentiles(restarts, 50, 100),
            "store_mb": round(store.stat().st_size / 1e6), **check(store, acknowledged),
            "histories": written}  # fmt: skip


def _wait_until_joined(url: str) -> None:
    """At most a minute: what is not joined then is counted as that."""
    reader, end = RemoteReader(url), time.monotonic() + 60
    while reader.health()["dirty_runs"] and time.monotonic() < end:
        time.sleep(0.1)
    reader.close()


def disk_full(folder: Path, limit: int = 40 << 20) -> dict[str, Any]:
    """The store's files may not grow beyond ``limit`` bytes; later they may again."""
    store, port = folder / "full.duckdb", free_port()
    with CollectorProcess(store, http=port, file_limit=limit) as collector:
        senders = Senders(port, connections=2, spans_per_request=1000).start()
        end = time.monotonic() + 90
        while not senders.retried and time.monotonic() < end:
            time.sleep(0.1)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        status, said, wait = _until_refused(connection, end)
        before = senders.spans
        connection.request("GET", "/healthz")
        alive = _status(connection)
        connection.close()
        collector.lift_file_limit()  # room again: senders that waited go on by themselves
        lifted = time.monotonic()
        while senders.spans == before and time.monotonic() < end:
            time.sleep(0.05)
        recovered = time.monotonic() - lifted
        time.sleep(2)
        senders.stop()
    acknowledged = [run for sent in senders.log for run in sent.runs]
    return {
        "limit_mb": limit >> 20, "acknowledged_spans_before": before, "healthz_when_full": alive,
        "answer_when_full": status, "retry_after": wait, "message": said[:200],
        "goes_on_with_room_after_s": round(recovered, 2), "spans_after": senders.spans - before,
        **check(store, acknowledged),
    }  # fmt: skip


def _until_refused(connection: http.client.HTTPConnection, end: float) -> tuple[int, str, str | None]:
    """Status, message and Retry-After of the first answer that is no 200: the limit leaves room now and then."""
    while True:
        connection.request("POST", "/v1/traces", next(requests())[0], HEADERS)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200 or time.monotonic() > end:
            return answer.status, Status.FromString(body).message, answer.headers.get("Retry-After")


def _status(connection: http.client.HTTPConnection) -> int:
    answer = connection.getresponse()
    answer.read()
    return answer.status


def malformed(folder: Path, count: int, seed: int) -> dict[str, Any]:
    """Bodies that were cut, flipped, or are noise: answered with 200 or 400, never 500, and the collector lives."""
    good = [next(requests(100, seed=7))[0] for _ in range(5)]
    with CollectorProcess(folder / "malformed.duckdb") as collector, ThreadPoolExecutor(CONNECTIONS) as pool:
        begun = time.monotonic()
        share = -(-count // CONNECTIONS)
        sent = [pool.submit(_send_spoiled, collector.http, good, share, seed + n) for n in range(CONNECTIONS)]
        statuses = sum((one.result() for one in sent), Counter[int]())
        elapsed = time.monotonic() - begun
        senders = Senders(collector.http, connections=1).start()
        time.sleep(1)
        senders.stop()
        memory = collector.memory_mb()
    return {"bodies": statuses.total(), "statuses": statuses, "per_s": round(statuses.total() / elapsed),
            "memory_mb": round(memory), "spans_taken_afterwards": senders.spans}  # fmt: skip


def _send_spoiled(port: int, good: list[bytes], count: int, seed: int) -> Counter[int]:
    chance, statuses = random.Random(seed), Counter[int]()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for number in range(count):
        signal = ("traces", "logs", "metrics")[number % 3]
        connection.request("POST", f"/v1/{signal}", _spoiled(chance, good), HEADERS)
        statuses[_status(connection)] += 1
    connection.close()
    return statuses


def _spoiled(chance: random.Random, good: list[bytes]) -> bytes:
    body = bytearray(chance.choice(good))
    kind = chance.randrange(4)
    if kind == 0:
        return bytes(body[: chance.randrange(len(body))])
    if kind == 1:
        return chance.randbytes(chance.randrange(2000))
    for _ in range(chance.randint(1, 40)):
        body[chance.randrange(len(body))] = chance.randrange(256)
    return bytes(body)


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--bodies", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = {
            "machine": machine(),
            "kills": kills(folder, given.kills, given.seed),
            "disk_full": disk_full(folder),
            "malformed": malformed(folder, given.bodies, given.seed),
            "temporal_away": temporal_away(folder),
        }
    report("crash", found, keep=given.keep)


if __name__ == "__main__":
    main()
