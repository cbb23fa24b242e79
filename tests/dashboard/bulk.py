"""Many runs at once, straight into the joined tables: for pages and benchmarks that need a large fleet.

Everything follows from a seed; the roll-ups of a run are sums of its own operations and attempts. One task queue is
worse than the other with one build, so that there is something to find.
"""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from durascope_dashboard.store import schema
from durascope_dashboard.store.duckdb_store import DuckStore

TYPES: Final = ("ResearchWorkflow", "SupportTriage", "CodeReview", "InvoiceApproval")
NAMES: Final = np.array(["model", "web_search", "model", "fetch_page"], dtype=object)
AGENTS: Final = np.array(["Planner", "Researcher", "Writer", "Triage"], dtype=object)
MODELS: Final = np.array(["gpt-5-mini", "gpt-5", "gpt-4.1-mini"], dtype=object)
ERRORS: Final = np.array(["RateLimitError", "StartToCloseTimeout", "ConnectionError"], dtype=object)
MESSAGES: Final = np.array(["429: slow down", "timed out after 30 s", "connection reset by peer"], dtype=object)
PRINTS: Final = np.array(["f1", "f2", "f3"], dtype=object)
OPERATIONS: Final = len(NAMES)
MS: Final = 1000


def _table(name: str, columns: dict[str, Any]) -> pa.Table:
    """A table of the schema; columns that are not given are null."""
    rows = len(next(iter(columns.values())))
    arrays = [
        pa.array(columns[f.name], f.type, from_pandas=True) if f.name in columns else pa.nulls(rows, f.type)
        for f in schema.TABLES[name]
    ]
    return pa.table(arrays, schema=schema.TABLES[name])


def _only(mask: Any, values: Any) -> pa.Array:
    """Values where the mask is true, null elsewhere."""
    return pa.array(np.broadcast_to(values, mask.shape), mask=~mask)


class Fleet:
    """``count`` runs numbered from ``first``, started in the ``hours`` before ``until`` (µs)."""

    def __init__(self, first: int, count: int, until: int, hours: float, seed: int) -> None:
        self.rng = rng = np.random.default_rng(seed + first)
        self.count, self.number = count, np.arange(first, first + count)
        self.started = until - rng.integers(1, int(hours * 3_600_000_000), count)
        self.queue = np.array(["agents", "agents-eu"], dtype=object)[(rng.random(count) < 0.2).astype(int)]
        self.build = np.array(["v12", "v13"], dtype=object)[(rng.random(count) < 0.3).astype(int)]
        self.key = {
            "namespace": np.full(count, "default", dtype=object),
            "workflow_id": np.array([f"run-{n:07d}" for n in self.number], dtype=object),
            "run_id": np.array([f"{n:08x}-0000-4000-8000-{n:012x}" for n in self.number], dtype=object),
        }
        self.size = count * OPERATIONS
        self.run = np.repeat(np.arange(count), OPERATIONS)
        self.slot = np.tile(np.arange(OPERATIONS), count)
        self._try()
        self._time()
        self._spend()

    def _try(self) -> None:
        rng, bad = self.rng, (self.queue[self.run] == "agents-eu") & (self.build[self.run] == "v13")
        self.tries = 1 + (rng.random(self.size) < 0.08 + 0.25 * bad).astype(int) * rng.integers(1, 4, self.size)
        self.op = np.repeat(np.arange(self.size), self.tries)
        self.attempt = np.arange(len(self.op)) - np.repeat(np.cumsum(self.tries) - self.tries, self.tries) + 1
        self.last = self.attempt == self.tries[self.op]
        self.model = self.slot[self.op] % 2 == 0
        self.error = rng.integers(0, 3, len(self.op))

    def _time(self) -> None:
        rng, of_run = self.rng, self.run[self.op]
        slow = (self.queue[of_run] == "agents-eu") & (rng.random(len(self.op)) < 0.1)
        self.queue_ms = rng.gamma(1.2, 30, len(self.op)) + 2500 * slow
        self.run_ms = rng.gamma(2.0, np.where(self.model, 700, 250))
        self.backoff_ms = np.where(self.attempt > 1, 1000.0 * 2.0 ** (self.attempt - 2), 0.0)
        spent = np.cumsum(self.queue_ms + self.run_ms + self.backoff_ms)
        before = np.concatenate([[0.0], spent])[np.searchsorted(of_run, np.arange(self.count))]
        self.end = self.started[of_run] + ((spent - before[of_run]) * MS).astype(np.int64)
        self.begin = self.end - (self.run_ms * MS).astype(np.int64)
        self.queued = self.begin - (self.queue_ms * MS).astype(np.int64)

    def _spend(self) -> None:
        rng, size = self.rng, len(self.op)
        self.known = self.model & (self.last | (rng.random(size) < 0.4))
        self.unknown = self.model & ~self.known
        self.tokens_input = self.known * rng.integers(400, 9000, size)
        self.tokens_output = self.known * rng.integers(40, 900, size)
        self.cost = (self.tokens_input * 0.25 + self.tokens_output * 2.0) / 1e6

    def attempts(self) -> pa.Table:
        """One row an attempt."""
        of_run, slot, failed = self.run[self.op], self.slot[self.op], ~self.last
        return _table("attempts", {
            **{name: column[of_run] for name, column in self.key.items()},
            "activity_id": slot.astype(str), "operation_id": np.char.add("activity:", slot.astype(str)),
            "attempt": self.attempt, "source": np.full(len(slot), "both"), "useful": self.last,
            "status": np.where(self.last, "ok", np.where(self.error == 1, "timeout", "error")),
            "queued": self.queued, "started": self.begin, "ended": self.end, "name": NAMES[slot],
            "kind": np.where(self.model, "model", "tool"), "agent": AGENTS[slot], "task_queue": self.queue[of_run],
            "model": _only(self.model, MODELS[of_run % 3]), "build_id": self.build[of_run],
            "worker": np.char.add("worker-", (of_run % 6).astype(str)), "skew_ms": self.rng.normal(3, 8, len(slot)),
            "error_type": _only(failed, ERRORS[self.error]), "error_message": _only(failed, MESSAGES[self.error]),
            "fingerprint": _only(failed, PRINTS[self.error]), "http_status": _only(failed & (self.error == 0), 429),
            "queue_ms": self.queue_ms, "run_ms": self.run_ms, "backoff_ms": self.backoff_ms,
            "estimated": np.zeros(len(slot), bool), "cost": _only(self.known, self.cost),
            "tokens_input": _only(self.known, self.tokens_input),
            "tokens_output": _only(self.known, self.tokens_output),
            "tokens_cached_input": _only(self.known, self.tokens_input // 3),
        })  # fmt: skip

    def sums(self, of: Any, size: int) -> dict[str, Any]:
        """The ledger and the times of attempts by ``of``, as the columns of operations and runs."""
        found: dict[str, Any] = {}
        for part, mask in (("billed", np.ones(len(self.op))), ("useful", self.last)):
            for kind in ("input", "output"):
                values = getattr(self, f"tokens_{kind}") * mask
                found[f"{part}_{kind}"] = np.bincount(of, values, size).astype(int)
            found[f"cost_{part}"] = np.bincount(of, self.cost * mask, size)
        return found | {"unknown_attempts": np.bincount(of, self.unknown, size).astype(int)}

    def times(self, of: Any, size: int) -> dict[str, Any]:
        """Summed queue wait, run time and backoff, ms."""
        return {n: np.bincount(of, getattr(self, n), size) for n in ("queue_ms", "run_ms", "backoff_ms")}

    def operations(self) -> pa.Table:
        """One row an operation."""
        slot, model = self.slot, self.slot % 2 == 0
        sums = self.sums(self.op, self.size)
        return _table("operations", {
            **{name: column[self.run] for name, column in self.key.items()}, **sums,
            **self.times(self.op, self.size), "event_id": slot * 6 + 5, "activity_id": slot.astype(str),
            "operation_id": np.char.add("activity:", slot.astype(str)), "kind": np.where(model, "model", "tool"),
            "name": NAMES[slot], "agent": AGENTS[slot], "status": np.full(self.size, "ok"), "attempts": self.tries,
            "model": _only(model, MODELS[self.run % 3]), "task_queue": self.queue[self.run],
            "scheduled": self.queued[self.attempt == 1], "closed": self.end[self.last],
            "billed_cached_input": sums["billed_input"] // 3, "billed_reasoning": np.zeros(self.size, int),
        })  # fmt: skip

    def runs(self) -> pa.Table:
        """One row a run."""
        tries = self.tries.reshape(self.count, OPERATIONS)
        total, most, of_run = tries.sum(axis=1), tries.max(axis=1), self.run[self.op]
        end = self.end[self.last][OPERATIONS - 1 :: OPERATIONS]
        ends = np.array(["completed", "failed", "running"], dtype=object)
        status = ends[self.rng.choice(3, self.count, p=[0.93, 0.05, 0.02])]
        running, zero = status == "running", np.zeros(self.count, int)
        sums, times = self.sums(of_run, self.count), self.times(of_run, self.count)
        return _table("runs", {
            **self.key, **sums, "status": status, "task_queue": self.queue, "build_id": self.build,
            "workflow_type": np.array(TYPES, dtype=object)[self.number % 4], "started": self.started, "updated": end,
            "closed": _only(~running, end), "first_run_id": self.key["run_id"],
            "from_history": np.ones(self.count, bool),
            "duration_ms": (end - self.started) / MS, "operations": np.full(self.count, OPERATIONS),
            "attempts": total, "retries": total - OPERATIONS, "failed_attempts": total - OPERATIONS,
            "max_attempt": most, "time_queue_ms": times["queue_ms"], "time_backoff_ms": times["backoff_ms"],
            "time_model_ms": times["run_ms"] * 0.7, "time_tool_ms": times["run_ms"] * 0.3,
            "queue_p95_ms": times["queue_ms"] / 2,
            "max_backoff_ms": np.where(most > 1, 1000.0 * 2.0 ** (most - 2), 0.0),
            **{f"wasted_{k}": sums[f"billed_{k}"] - sums[f"useful_{k}"] for k in ("input", "output")},
            "cost_wasted": sums["cost_billed"] - sums["cost_useful"], "unpriced_models": np.full(self.count, "[]"),
            "history_attempts": total, "span_attempts": total - (self.rng.random(self.count) < 0.01),
            "reconstructed": zero, "orphan_spans": zero, "duplicate_spans": zero,
            "agents": np.full(self.count, json.dumps(sorted(AGENTS))),
            "models": np.array([json.dumps([MODELS[i % 3]]) for i in range(self.count)], dtype=object),
            "current_operation": _only(running, "model"), "current_status": _only(running, "running"),
            "current_attempt": _only(running, tries[:, 0]), "current_max_attempts": _only(running, 5),
            "last_error_type": _only(most > 1, "RateLimitError"),
            "spark": np.array([json.dumps(row) for row in tries.tolist()], dtype=object),
        })  # fmt: skip


def write(path: Path, runs: int, until: int, *, hours: float = 24.0, seed: int = 7, step: int = 25_000) -> None:
    """A store file with that many runs."""
    store = DuckStore(path)
    try:
        for first in range(0, runs, step):
            fleet = Fleet(first, min(step, runs - first), until, hours, seed)
            store.write({"runs": fleet.runs(), "operations": fleet.operations(), "attempts": fleet.attempts()})
    finally:
        store.close()
