"""How long the join takes, by number of runs at once: 12 operations a run, of which every third is retried.

    python -m benchmarks.join --runs 1 10 100 1000 5000

Prints JSON: CPU and wall milliseconds a join (the median of a few), rows a second. The collector joins what changed
every half second, so the fixed cost of a small join matters as much as the speed of a large one.
"""

import argparse
import json
import os
import platform
import statistics
import time
from typing import Any

import pandas as pd

from durascope_dashboard.analysis.frames import conform
from durascope_dashboard.analysis.join import Evidence, Joined, join

OPERATIONS = 12
RETRIED = 3
"""Every third operation fails once."""
START = 1_700_000_000_000_000
_SECOND = 1_000_000


def evidence(runs: int) -> Evidence:
    """History and telemetry of finished runs, one after the other."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in Evidence.__dataclass_fields__}
    for number in range(runs):
        _run(rows, {"namespace": "default", "workflow_id": f"w{number}", "run_id": f"r{number}"})
    return Evidence(**{name: conform(pd.DataFrame(found), name) for name, found in rows.items()})


def _run(rows: dict[str, list[dict[str, Any]]], key: dict[str, str]) -> None:
    end = START + (OPERATIONS + 1) * 4 * _SECOND
    trace = f"{hash(key['run_id']) & (2**64 - 1):032x}"
    rows["history_runs"].append(key | {"workflow_type": "Research", "task_queue": "agents", "status": "completed",
                                       "started": START, "closed": end, "first_run_id": key["run_id"],
                                       "from_history": True, "last_event_id": 99})  # fmt: skip
    rows["spans"].append(key | {"trace_id": trace, "span_id": f"{0:016x}", "kind": "workflow", "name": "W",
                                "start": START, "end": end, "status": "ok", "seq": 0, "attributes": "{}"})  # fmt: skip
    for number in range(OPERATIONS):
        _operation(rows, key, number, trace)


def _operation(rows: dict[str, list[dict[str, Any]]], key: dict[str, str], number: int, trace: str) -> None:
    tries = 2 if number % RETRIED == 0 else 1
    scheduled = START + number * 4 * _SECOND
    activity, model = str(number), number % 2 == 0
    rows["history_operations"].append(key | {
        "operation_id": f"activity:{activity}", "kind": "model" if model else "tool", "name": f"activity {number % 4}",
        "status": "ok", "scheduled": scheduled, "closed": scheduled + 3 * _SECOND, "activity_id": activity,
        "attempts": tries, "agent": f"agent {number % 3}", "model": "gpt-5-mini" if model else None,
        "initial_interval_ms": 1000.0, "backoff_coefficient": 2.0, "event_id": number,
    })  # fmt: skip
    for attempt in range(1, tries + 1):
        last = attempt == tries
        queued = scheduled if attempt == 1 else scheduled + 2 * _SECOND
        times = {"started": queued + 10_000, "ended": scheduled + 3 * _SECOND if last else scheduled + _SECOND}
        tokens = {f"tokens_{kind}": 100 for kind in ("input", "cached_input", "output", "reasoning")} if model else {}
        error = (
            {} if last else {"error_type": "APIStatusError", "error_message": f"rate limit reached: req_{number:012d}a"}
        )
        told = key | times | error | {"activity_id": activity, "attempt": attempt, "status": "ok" if last else "error"}
        told |= tokens if last else {}
        rows["span_attempts"].append(told | {"queued": queued, "begun_only": False, "trace_id": trace, "worker": "1@w"})
        rows["spans"].append(key | {"trace_id": trace, "span_id": f"{number * 2 + attempt:016x}", "kind": "attempt",
                                    "parent_span_id": f"{0:016x}", "name": "attempt", "start": times["started"],
                                    "end": times["ended"], "status": "ok", "seq": number * 2 + attempt,
                                    "activity_id": activity, "attempt": attempt, "attributes": "{}"})  # fmt: skip
        if last:
            rows["history_attempts"].append(told)


def measure(runs: int, repeat: int) -> dict[str, float]:
    """Median CPU and wall time of a join of so many runs."""
    told = evidence(runs)
    walls, cpus = [], []
    result: Joined = join(told, START + 10**9)  # warm: imports, price tables
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        result = join(told, START + 10**9)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    wall_s, cpu_s = statistics.median(walls), statistics.median(cpus)
    attempts = len(result.attempts)
    return {
        "runs": runs, "attempts": attempts, "wall_ms": round(wall_s * 1000, 1), "cpu_ms": round(cpu_s * 1000, 1),
        "runs_per_cpu_s": round(runs / cpu_s), "attempts_per_cpu_s": round(attempts / cpu_s),
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, nargs="+", default=[1, 10, 100, 1000])
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    found = [measure(runs, options.repeat) for runs in options.runs]
    machine = {"cpus": os.cpu_count(), "load": round(os.getloadavg()[0], 1), "python": platform.python_version(),
               "pandas": pd.__version__}  # fmt: skip
    print(json.dumps({"benchmark": "join", "machine": machine, "joins": found}, indent=2))


if __name__ == "__main__":
    main()
