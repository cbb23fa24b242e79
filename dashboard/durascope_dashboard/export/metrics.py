"""The fleet's metrics, computed from the joined runs: right without any plugin, and never counted twice with one.

Their names begin with ``durascope.fleet``; what a worker itself reports has other names, so sums never mix the two.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from durascope import identity
from durascope.conventions import DURATION_BUCKETS_S
from durascope.identity import RunKey
from durascope_dashboard.export.families import FLEET, Exemplar, Family, Sample, Type, label
from durascope_dashboard.export.health import health_families
from durascope_dashboard.export.open_now import idle_family, open_families
from durascope_dashboard.export.selection import Row
from durascope_dashboard.reader import Reader
from durascope_dashboard.store.schema import TIME_CLASSES, TOKEN_KINDS

SETTLE = 10_000_000  # µs after its end until a thing is counted: by then both sources have told of it
COVERAGE = ("history_attempts", "span_attempts", "reconstructed", "orphan_spans", "duplicate_spans")


def fleet_families(reader: Reader, now: int, health: dict[str, Any] | None = None) -> list[Family]:
    """All families; ``now`` in microseconds. Counters count what has ended, gauges what is open at this moment.

    ``health`` is what the collector says of itself, if that is not what ``reader`` says.
    """
    until = now - SETTLE
    return [
        *_closed_runs(_rows(reader, "metric_runs", until=until)),
        *open_families(_rows(reader, "metric_open_runs"), _rows(reader, "metric_open_attempts", until=now), now),
        idle_family(_rows(reader, "metric_idle_runs"), now),
        *_attempts(_rows(reader, "metric_attempts", until=until)),
        *_times(_rows(reader, "metric_times", until=until)),
        _counter("attempt.errors", "Attempts that did not succeed, by error type.",
                 _rows(reader, "metric_errors", until=until), ERROR_LABELS, "attempts"),
        _counter("workflow_task.failures", "Workflow tasks that failed, by cause.",
                 _rows(reader, "metric_task_failures", until=until), TASK_LABELS, "failures"),
        *health_families(reader.health() if health is None else health),
    ]  # fmt: skip


def _rows(reader: Reader, query: str, **params: int) -> list[Row]:
    rows: list[Row] = reader.query(query, **params).to_pylist()
    return rows


def _counter(name: str, help: str, rows: list[Row], labels: Iterable[str], column: str, unit: str = "") -> Family:
    names = tuple(labels)
    samples = [Sample(label(row, names), float(row[column])) for row in rows if row[column] is not None]
    return Family(f"{FLEET}.{name}", Type.COUNTER, help, unit, samples)


def _closed_runs(rows: list[Row]) -> Iterator[Family]:
    run = ("namespace", "workflow_type", "status")
    yield _counter("runs", "Runs that have closed.", rows, run, "runs")
    durations = [_histogram(row, "duration", label(row, run), _exemplar(row)) for row in rows]
    yield _histograms("run.duration", "How long closed runs took.", durations)
    classes = [
        Sample({**label(row, run[:2]), "class": name, "status": row["status"]}, row[f"time_{name}_ms"] / 1000)
        for row in rows for name in TIME_CLASSES if row[f"time_{name}_ms"] is not None
    ]  # fmt: skip
    yield Family(f"{FLEET}.time", Type.COUNTER, "Where the time of closed runs went.", "s", classes)
    totals = _summed(rows)
    coverage = [Sample({**label(row, run[:1]), "of": name}, float(row[name])) for row in totals for name in COVERAGE]
    help = "Attempts of closed runs by who told of them, and stray spans."
    yield Family(f"{FLEET}.coverage", Type.COUNTER, help, "", coverage)


def _summed(rows: list[Row]) -> list[Row]:
    """One row a namespace: coverage is a property of a deployment, not of a workflow type."""
    totals: dict[str, Row] = {}
    for row in rows:
        total = totals.setdefault(row["namespace"], {"namespace": row["namespace"], **dict.fromkeys(COVERAGE, 0)})
        for name in COVERAGE:
            total[name] += row[name] or 0
    return list(totals.values())


ERROR_LABELS = ("namespace", "workflow_type", "kind", "name", "status", "error")
TASK_LABELS = ("namespace", "workflow_type", "name")
ATTEMPT_LABELS = ("namespace", "workflow_type", "kind", "name", "agent", "model", "build_id", "status")
MODEL_LABELS = ("namespace", "workflow_type", "agent", "model", "build_id")


def _attempts(rows: list[Row]) -> Iterator[Family]:
    yield _counter("attempts", "Attempts that have ended, by outcome.", rows, ATTEMPT_LABELS, "attempts")
    yield _counter("retries", "Attempts after the first.", rows, ATTEMPT_LABELS, "retries")
    models = [row for row in rows if row["kind"] == "model"]
    yield from _ledger(models)
    unknown = _total(models, MODEL_LABELS, ("unknown", "unpriced"))
    yield _counter("attempts.unknown_tokens", "Model attempts whose usage nobody saw: unknown, not 0.", unknown,
                   MODEL_LABELS, "unknown")  # fmt: skip
    yield _counter("attempts.unpriced", "Model attempts with tokens but no price for their model.", unknown,
                   MODEL_LABELS, "unpriced")  # fmt: skip


def _ledger(rows: list[Row]) -> Iterator[Family]:
    """Tokens and cost, useful and wasted. ``cached_input`` is part of ``input``, ``reasoning`` of ``output``."""
    parts = ("useful", "wasted")
    columns = [f"{part}_{kind}" for part in parts for kind in TOKEN_KINDS] + [f"cost_{part}" for part in parts]
    totals = _total(rows, MODEL_LABELS, columns)
    tokens = [
        Sample({**label(row, MODEL_LABELS), "type": kind, "use": part}, float(value))
        for row in totals for kind in TOKEN_KINDS for part, value in _parts(row, "{}_" + kind)
    ]  # fmt: skip
    cost = [
        Sample({**label(row, MODEL_LABELS), "use": part}, value)
        for row in totals for part, value in _parts(row, "cost_{}")
    ]  # fmt: skip
    yield Family(f"{FLEET}.tokens", Type.COUNTER, "Tokens billed; billed = useful + wasted.", "{token}", tokens)
    yield Family(f"{FLEET}.cost", Type.COUNTER, "Cost of model calls by list price.", "USD", cost)


def _parts(row: Row, column: str) -> list[tuple[str, float]]:
    """Useful and wasted. Where one is known the other is 0 and not unknown; where none is, there is nothing to say."""
    found = {part: row[column.format(part)] for part in ("useful", "wasted")}
    return [] if all(v is None for v in found.values()) else [(part, v or 0) for part, v in found.items()]


def _total(rows: list[Row], labels: tuple[str, ...], columns: Iterable[str]) -> list[Row]:
    """Rows summed over the other labels; a sum of unknowns only stays None."""
    totals: dict[tuple[Any, ...], Row] = {}
    names = tuple(columns)
    for row in rows:
        key = tuple(row[name] for name in labels)
        total = totals.setdefault(key, {**dict(zip(labels, key, strict=True)), **dict.fromkeys(names)})
        for name in names:
            if row[name] is not None:
                total[name] = (total[name] or 0) + row[name]
    return list(totals.values())


def _times(rows: list[Row]) -> Iterator[Family]:
    labels = ("namespace", "workflow_type", "kind", "task_queue")
    helps = {
        "queue": "From an attempt's schedule, after any backoff, to its start.",
        "run": "From an attempt's start to its end.",
        "backoff": "From the end of an attempt to the schedule of the next.",
    }
    for name, help in helps.items():
        samples = [_histogram(row, name, label(row, labels)) for row in rows]
        yield _histograms(f"attempt.{name}_time", help, samples)


def _histograms(name: str, help: str, samples: list[Sample]) -> Family:
    return Family(f"{FLEET}.{name}", Type.HISTOGRAM, help, "s", samples, DURATION_BUCKETS_S)


def _histogram(row: Row, name: str, labels: dict[str, str], exemplar: Exemplar | None = None) -> Sample:
    buckets = tuple(int(row[f"{name}_le_{i}"] or 0) for i in range(len(DURATION_BUCKETS_S)))
    return Sample(labels, (row[f"{name}_sum"] or 0.0) / 1000, int(row[f"{name}_count"]), buckets, exemplar)


def _exemplar(row: Row) -> Exemplar | None:
    """The run of the row that closed last."""
    if row["last_duration_ms"] is None:
        return None
    key = RunKey(row["last_namespace"], row["last_workflow_id"], row["last_run_id"])
    trace = row["last_trace_id"] or identity.format_trace_id(identity.trace_id(key))
    span = identity.format_span_id(identity.run_span_id(key))
    return Exemplar(trace, span, row["last_duration_ms"] / 1000, row["last_closed"])
