"""Sustained OTLP/HTTP ingest of agent spans until they can be queried, and the same load into Arize Phoenix.

    python -m benchmarks.ingest [--seconds 30] [--rate SPANS_PER_S] [--phoenix PYTHON] [--keep]

Staleness is from the first byte sent until a *separate* reader sees the spans of a run (and its joined attempts); it
begins to ask while the request is on its way.
The acknowledgement comes after the commit, so its time, which is measured for every request, says the same.
"""

import argparse
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks import phoenix
from benchmarks.running import CollectorProcess, machine, percentiles, report
from benchmarks.sending import Senders
from durascope_dashboard.remote_reader import RemoteReader

WARM_UP_S = 3.0
PROBE_EVERY_S = 0.2


class Probe:
    """Asks for one run after another until it is there: first for its spans, then for its joined attempts."""

    def __init__(self, url: str, senders: Senders) -> None:
        self.spans: list[float] = []
        self.joined: list[float] = []
        self._senders = senders
        self._stop = threading.Event()
        questions = (("export_spans", self.spans), ("export_attempts", self.joined))
        self._threads = [threading.Thread(target=self._run, args=(url, *item), daemon=True) for item in questions]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End it."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self, url: str, query: str, took: list[float]) -> None:
        reader = RemoteReader(url)
        asked = None
        while not self._stop.wait(PROBE_EVERY_S):
            newest = self._senders.newest
            if newest is asked:  # nothing new is being sent: asking again would measure the pause
                continue
            asked = newest
            while newest is not None and not self._stop.is_set():
                if reader.query(query, run_id=newest.runs[-1]).num_rows:
                    took.append(time.monotonic() - newest.sent)
                    break
                self._stop.wait(PROBE_EVERY_S / 2)
        reader.close()


def measure(seconds: float, rate: float | None, connections: int) -> dict[str, Any]:
    """One collector under load."""
    with tempfile.TemporaryDirectory() as folder, CollectorProcess(Path(folder) / "store.duckdb") as collector:
        senders = Senders(collector.http, connections=connections, rate=rate).start()
        time.sleep(WARM_UP_S)
        begun, cpu, before = time.monotonic(), collector.cpu_s(), senders.spans
        probe = Probe(collector.url, senders)
        time.sleep(seconds)
        spans, elapsed, used = senders.spans - before, time.monotonic() - begun, collector.cpu_s() - cpu
        senders.stop()
        stopped = time.monotonic()
        drained = _until_joined(collector.url)
        probe.stop()
        acknowledged = [sent.acknowledged - sent.sent for sent in senders.log if sent.sent >= begun]
        store = RemoteReader(collector.url)
        info = store.query("store_info").to_pylist()[0]
        store.close()
        assert info["spans"] == senders.spans, (info["spans"], senders.spans)
        return {
            "offered_spans_per_s": rate, "connections": connections, "seconds": round(elapsed, 1),
            "spans_per_s": round(spans / elapsed),
            "spans_per_cpu_s": round(spans / used), "collector_cpus": round(used / elapsed, 2),
            "acknowledged_s": percentiles(acknowledged, 50, 95, 99, 100),
            "queryable_s": percentiles(probe.spans, 50, 95, 99, 100), "probes": len(probe.spans),
            "joined_s": percentiles(probe.joined, 50, 95, 99, 100),
            "joined_after_load_s": round(drained - stopped, 1), "retried_requests": senders.retried,
            "peak_memory_mb": round(collector.memory_mb("VmHWM")), "runs": info["runs"],
            "bytes_per_span": round(info["bytes"] / info["spans"]),
        }  # fmt: skip


def _until_joined(url: str) -> float:
    reader = RemoteReader(url)
    while reader.health()["dirty_runs"]:
        time.sleep(0.05)
    reader.close()
    return time.monotonic()


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rate", type=float, default=30_000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--phoenix", type=Path, help="a Python that has arize-phoenix")
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    found: dict[str, Any] = {"machine": machine()}
    found["as_fast_as_it_goes"] = measure(given.seconds, None, given.connections)
    found["paced"] = measure(given.seconds, given.rate, given.connections)
    if given.phoenix:
        found["phoenix"] = phoenix.measure(given.phoenix)
        ratio = found["as_fast_as_it_goes"]["spans_per_s"] / found["phoenix"]["spans_per_s"]
        found["times_phoenix"] = round(ratio, 1)
    report("ingest", found, keep=given.keep)


if __name__ == "__main__":
    main()
