"""Ingest while clocks step by hours: first the collector's own wall clock, then that of the programs that send.

    python -m benchmarks.clock_jumps [--seconds 5] [--rate 8000] [--keep]

The collector's process reads a wall clock that is moved from outside, as a corrected or wrongly set one is; the steady
clock goes on, as it does on a real machine. Senders date their spans, and their UUIDv7 run ids, by one that jumps too.
In the end the file itself is counted: nothing lost, nothing doubled, every run joined.
"""

import argparse
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from benchmarks import load
from benchmarks.load import SPANS_PER_RUN
from benchmarks.running import CollectorProcess, machine, percentiles, report
from benchmarks.sending import Senders
from durascope_dashboard.remote_reader import RemoteReader
from durascope_dashboard.store.duckdb_store import DuckStore

HOUR: Final = 3600
_PRELUDE: Final = """
import signal, time
_real, _ahead = time.time_ns, [0]
def _move(number, frame): _ahead[0] += (6 if number == signal.SIGUSR1 else -12) * 3600 * 10**9
signal.signal(signal.SIGUSR1, _move)
signal.signal(signal.SIGUSR2, _move)
time.time_ns = lambda: _real() + _ahead[0]
time.time = lambda: time.time_ns() / 1e9
"""
_COUNTS: Final = f"""
SELECT (SELECT count(*) FROM spans) AS spans, (SELECT count(DISTINCT (trace_id, span_id)) FROM spans) AS distinct_spans,
  (SELECT count(*) FROM runs) AS runs, (SELECT count(DISTINCT run_id) FROM runs) AS distinct_runs,
  (SELECT count(*) FROM (SELECT run_id FROM spans GROUP BY run_id HAVING count(*) <> {SPANS_PER_RUN})) AS partial_runs,
  (SELECT count(*) FROM runs WHERE status <> 'completed' OR duration_ms IS NULL OR duration_ms < 0) AS odd_runs,
  (SELECT count(*) FROM attempts) AS attempts
"""


class Jumps:
    """The clocks of a collector and of those that send to it."""

    def __init__(self, collector: CollectorProcess) -> None:
        self._collector = collector
        self._ahead = 0
        # What benchmarks.load calls ``time``: the senders' clock, and nobody else's.
        vars(load)["time"] = SimpleNamespace(time_ns=lambda: time.time_ns() + self._ahead * 10**9)

    def collector(self, number: signal.Signals) -> None:
        """SIGUSR1: six hours on; SIGUSR2: twelve back."""
        self._collector.process.send_signal(number)

    def senders(self, seconds: int) -> None:
        """Step by so much."""
        self._ahead += seconds

    def close(self) -> None:
        """The senders' clock is right again."""
        vars(load)["time"] = time


def measure(seconds: float, rate: float) -> dict[str, Any]:
    """Phases of so many seconds, a jump between each and the next."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.duckdb"
        with CollectorProcess(path, prelude=_PRELUDE) as collector:
            jumps = Jumps(collector)
            senders = Senders(collector.http, connections=4, rate=rate, spans_per_request=500).start()
            time.sleep(3)
            steps: tuple[tuple[str, Callable[[], None]], ...] = (
                ("steady", lambda: None),
                ("collector 6 h on", lambda: jumps.collector(signal.SIGUSR1)),
                ("collector 12 h back", lambda: jumps.collector(signal.SIGUSR2)),
                ("senders 6 h on", lambda: jumps.senders(6 * HOUR)),
                ("senders 12 h back", lambda: jumps.senders(-12 * HOUR)),
                ("senders right again", lambda: jumps.senders(6 * HOUR)),
                ("collector right again", lambda: jumps.collector(signal.SIGUSR1)),
            )
            phases = {}
            for name, step in steps:
                begun = time.monotonic()
                step()
                time.sleep(seconds)
                phases[name] = _phase(senders, begun, time.monotonic())
            senders.stop()
            jumps.close()
            stopped = time.monotonic()
            reader = RemoteReader(collector.url)
            while (health := reader.health())["dirty_runs"] and time.monotonic() - stopped < 60:
                time.sleep(0.05)
            joined = time.monotonic() - stopped
            reader.close()
        with DuckStore(path, read_only=True) as store:
            found = store.sql(_COUNTS).to_pylist()[0]
    return {
        "offered_spans_per_s": rate, "phases": phases, "acknowledged_spans": senders.spans,
        "lost_spans": senders.spans - found["distinct_spans"],
        "doubled_spans": found["spans"] - found["distinct_spans"],
        "joined_after_load_s": round(joined, 2), "runs_not_joined": senders.spans // SPANS_PER_RUN - found["runs"],
        "refused": health["refused"], "errors": health["rollup_errors"] + health["store_errors"], **found,
    }  # fmt: skip


def _phase(senders: Senders, low: float, high: float) -> dict[str, Any]:
    spans_per_s, acknowledged = senders.between(low, high)
    return {"spans_per_s": spans_per_s, "acknowledged_s": percentiles(acknowledged, 50, 99, 100)}


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rate", type=float, default=8_000)
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    report("clock_jumps", {"machine": machine(), **measure(given.seconds, given.rate)}, keep=given.keep)


if __name__ == "__main__":
    main()
