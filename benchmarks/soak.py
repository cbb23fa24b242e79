"""An hour's load in minutes: does memory or latency grow while a collector takes spans and answers readers?

    python -m benchmarks.soak [--seconds 360] [--rate 20000] [--keep]

20,000 spans/s for six minutes are as many spans as 2,000/s (100 runs a second) are in an hour: 7.2 million.
"""

import argparse
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.running import CollectorProcess, machine, percentiles, report
from benchmarks.sending import Senders
from durascope_dashboard.remote_reader import RemoteReader

EVERY_S = 1.0
WARM_UP_S = 15.0


def soak(seconds: float, rate: float) -> dict[str, Any]:
    """Load and one reader; figures by minutes of the time after the warm-up, or by thirds if it is short."""
    with tempfile.TemporaryDirectory() as folder, CollectorProcess(Path(folder) / "store.duckdb") as collector:
        reader = RemoteReader(collector.url)
        senders = Senders(collector.http, connections=4, rate=rate, spans_per_request=500).start()
        time.sleep(WARM_UP_S)
        begun = time.monotonic()
        samples: list[tuple[float, float, float, float]] = []  # when, memory, query, lag of joining
        while time.monotonic() - begun < seconds:
            asked = time.monotonic()
            reader.query("runs", limit=100)
            took = time.monotonic() - asked
            samples.append((asked, collector.memory_mb(), took, float(reader.health()["ingest_lag_s"])))
            time.sleep(max(0.0, EVERY_S - took))
        senders.stop()
        count = max(3, round(seconds / 60))
        bounds = [begun + i * seconds / count for i in range(count + 1)]
        parts = [_part(samples, senders, low, high) for low, high in pairwise(bounds)]
        info = reader.query("store_info").to_pylist()[0]
        health = reader.health()
        reader.close()
        return {
            "seconds": seconds, "offered_spans_per_s": rate, "spans": info["spans"],
            "lost_spans": senders.spans - info["spans"], "runs": info["runs"], "file_mb": round(info["bytes"] / 1e6),
            "refused": health["refused"], "errors": health["rollup_errors"] + health["store_errors"],
            "peak_memory_mb": round(collector.memory_mb("VmHWM")), "part_s": round(seconds / count, 1),
            "parts": parts,
        }  # fmt: skip


def _part(
    samples: list[tuple[float, float, float, float]], senders: Senders, low: float, high: float
) -> dict[str, Any]:
    chosen = [sample for sample in samples if low <= sample[0] < high]
    spans_per_s, acknowledged = senders.between(low, high)
    return {
        "spans_per_s": spans_per_s,
        "memory_mb": round(statistics.median(sample[1] for sample in chosen)),
        "acknowledged_s": percentiles(acknowledged, 50, 99),
        "runs_page_s": percentiles([sample[2] for sample in chosen], 50, 95),
        "join_lag_s": percentiles([sample[3] for sample in chosen], 50, 95),
    }


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=360)
    parser.add_argument("--rate", type=float, default=20_000)
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    report("soak", {"machine": machine(), **soak(given.seconds, given.rate)}, keep=given.keep)


if __name__ == "__main__":
    main()
