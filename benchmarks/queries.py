"""How long readers wait on a large store while spans keep arriving, and how that grows with the store.

    python -m benchmarks.queries [--runs 50000 250000] [--rate 2000] [--store FILE ...] [--keep]

A run is 20 spans. Queries go over the read API, as the dashboard's do: one after another, the parts of one run at once.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.running import CollectorProcess, machine, percentiles, report
from benchmarks.sending import Senders
from benchmarks.synthetic import fill
from durascope_dashboard.clock import micros_now
from durascope_dashboard.remote_reader import RemoteReader

TIMES = 25
_DAY_US = 86_400_000_000
TYPES = ["ResearchWorkflow", "SupportWorkflow"]
Ask = Callable[[], Any]


def questions(reader: RemoteReader, chance: random.Random) -> dict[str, Ask]:
    """What pages ask; runs are picked anew each time."""
    side_by_side = ThreadPoolExecutor(4)  # as the Run page asks
    known = reader.query("runs", limit=10_000).select(["workflow_id", "run_id"]).to_pylist()
    oldest = reader.query("runs", limit=2_000, order="started", descending=False).select(["workflow_id", "run_id"])
    known += oldest.to_pylist()

    def one_run() -> None:
        key = chance.choice(known)
        asking = [side_by_side.submit(reader.query, name, **key) for name in ("run", "operations", "attempts", "spans")]
        assert all(each.result().num_rows for each in asking)

    def day() -> dict[str, int]:
        return {"since": micros_now() - _DAY_US, "until": micros_now()}

    return {
        "runs_page": lambda: reader.query("runs", limit=101),
        "runs_page_failed_last_day": lambda: reader.query("runs", limit=101, view="failed", **day()),
        "runs_page_search": lambda: reader.query("runs", limit=101, text="rate limit gpt-5-mini"),
        "runs_page_by_cost": lambda: reader.query("runs", limit=101, order="cost_billed"),
        "facets": lambda: reader.query("facets"),
        "one_run": one_run,
        "one_run_row": lambda: reader.query("run", workflow_id=chance.choice(known)["workflow_id"]),
        "compare_two_types_24h": lambda: reader.query("cohorts", by="workflow_type", workflow_type=TYPES, **day()),
        "fleet_24h": lambda: reader.query("fleet", bucket_ms=600_000, **day()),
        "errors_24h": lambda: reader.query("errors", **day()),
    }


def measure(store: Path, rate: float, times: int) -> dict[str, Any]:
    """A collector over this store, with load, asked everything."""
    with CollectorProcess(store) as collector:
        reader = RemoteReader(collector.url)
        before = reader.query("store_info").to_pylist()[0]
        senders = Senders(collector.http, connections=1, rate=rate, spans_per_request=200).start()
        time.sleep(3)
        begun, sent = time.monotonic(), senders.spans
        found: dict[str, Any] = {}
        for name, ask in questions(reader, random.Random(3)).items():
            ask()
            took = [_timed(ask) for _ in range(times)]
            found[f"{name}_ms"] = {point: round(s * 1000, 1) for point, s in percentiles(took, 50, 95, 100).items()}
        arrived = (senders.spans - sent) / (time.monotonic() - begun)
        senders.stop()
        acknowledged = percentiles([item.acknowledged - item.sent for item in senders.log], 50, 99)
        result = {
            "runs": before["runs"], "spans": before["spans"], "file_mb": round(before["bytes"] / 1e6),
            "ready_s": round(collector.ready_s, 2), "arriving_spans_per_s": round(arrived),
            "acknowledged_s": acknowledged, "peak_memory_mb": round(collector.memory_mb("VmHWM")), **found,
        }  # fmt: skip
        reader.close()
    return result


def _timed(ask: Ask) -> float:
    begun = time.monotonic()
    ask()
    return time.monotonic() - begun


def _stores(folder: Path, sizes: Iterable[int], given: list[Path]) -> list[Path]:
    if given:
        return given
    made = []
    for size in sizes:
        made.append(folder / f"{size}.duckdb")
        for _ in fill(made[-1], size):
            pass
    return made


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, nargs="+", default=[50_000, 250_000])
    parser.add_argument("--store", type=Path, nargs="+", default=[], help="made before by benchmarks.synthetic")
    parser.add_argument("--rate", type=float, default=2_000)
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stores = _stores(Path(folder), given.runs, given.store)
        found = {"machine": machine(), "stores": [measure(store, given.rate, given.times) for store in stores]}
    report("queries", found, keep=given.keep)


if __name__ == "__main__":
    main()
