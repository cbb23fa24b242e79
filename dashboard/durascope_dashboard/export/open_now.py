"""Gauges of what is open at this moment: runs, and the attempts that run or wait for a worker."""

from collections.abc import Callable, Iterator

from durascope.records import Micros
from durascope_dashboard.export.families import FLEET, Family, Sample, Type, label
from durascope_dashboard.export.selection import Row

RUN = ("namespace", "workflow_type", "waiting")
ATTEMPT = ("namespace", "workflow_type", "kind", "task_queue", "status")
Value = Callable[[Row], float | None]


def open_families(runs: list[Row], attempts: list[Row], now: Micros) -> Iterator[Family]:
    """From the rows of ``metric_open_runs`` and ``metric_open_attempts``."""

    yield _gauge("open_runs", "Runs that are open, by what they wait for.", "", runs, RUN, lambda r: r["runs"])
    yield _gauge("open_run.age", "Age of the oldest open run.", "s", runs, RUN, lambda r: _ago(r["oldest"], now))
    yield _gauge("open_run.attempt", "Highest attempt under way.", "", runs, RUN, lambda r: r["max_attempt"])
    yield _gauge("open_run.history_events", "Longest history of an open run.", "", runs, RUN,
                 lambda r: r["history_events"])  # fmt: skip
    yield _gauge("open_run.history_size", "Largest history of an open run.", "By", runs, RUN,
                 lambda r: r["history_bytes"])  # fmt: skip
    yield _gauge("open_attempts", "Attempts that run (running) or wait for a worker (pending).", "", attempts, ATTEMPT,
                 lambda r: r["attempts"])  # fmt: skip
    yield _gauge("open_attempt.age", "How long the oldest attempt runs or waits for a worker.", "s", attempts, ATTEMPT,
                 lambda r: _ago(r["since"], now))  # fmt: skip


def idle_family(rows: list[Row], now: Micros) -> Family:
    """From the rows of ``metric_idle_runs``."""
    says = "How long an open run has stood still in which nothing is under way: its workflow task is due, or fails."
    return _gauge("open_run.idle", says, "s", rows, ("namespace", "workflow_type", "task_queue"),
                  lambda r: _ago(r["since"], now))  # fmt: skip


def _ago(moment: Micros | None, now: Micros) -> float | None:
    return None if moment is None else max(0, now - moment) / 1e6


def _gauge(name: str, help: str, unit: str, rows: list[Row], labels: tuple[str, ...], value: Value) -> Family:
    samples = [Sample(label(row, labels), float(found)) for row in rows if (found := value(row)) is not None]
    return Family(f"{FLEET}.{name}", Type.GAUGE, help, unit, samples)
