"""What changed from run A to run B: totals, operation by operation, where they first part, and whether it is fair.

A change is `better` or `worse`, never just up or down; where that cannot be said it is None. B may be a single run or
the median of many (:func:`compare_to_median`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from durascope.records import Micros
from durascope_dashboard.analysis.align import Match, Node, align
from durascope_dashboard.analysis.comparable import warnings_of
from durascope_dashboard.analysis.rows import Row, Rows, one, records
from durascope_dashboard.store import schema

_OPERATION = ("operation_id", "kind", "name", "agent", "model", "status", "scheduled", "closed", "attempts", "queue_ms",
              "run_ms", "backoff_ms", "billed_input", "billed_output", "useful_input", "useful_output", "cost_billed",
              "unknown_attempts", "error_type", "estimated")  # fmt: skip
_FAILED = ("error", "timeout", "lost")
MOVED = "in another order"
_LEAST = {"ms": 1.0, "count": 0.5, "tokens": 1.0, "usd": 0.0001, "share": 0.005}
_SLIGHT = 0.05


@dataclass(frozen=True, slots=True)
class RunFrames:
    """One run as the store has it: its row, and the rows of its operations and attempts."""

    run: Row
    operations: Rows
    attempts: Rows


@dataclass(frozen=True, slots=True)
class Delta:
    """One number of both. ``unit``: ms | count | tokens | usd | share. Unknown is None."""

    name: str
    unit: str
    a: float | None
    b: float | None
    better: bool | None = None

    @property
    def change(self) -> float | None:
        """b - a."""
        return None if self.a is None or self.b is None else self.b - self.a

    @property
    def negligible(self) -> bool:
        """Whether it changed by less than can be told apart; False if that is not known."""
        return self.change is not None and abs(self.change) < _LEAST[self.unit]

    @property
    def slight(self) -> bool:
        """Whether it changed by less than 5 %: more than that differs from one run to the next of the same work."""
        return self.negligible or bool(self.change is not None and self.a and abs(self.change / self.a) < _SLIGHT)


@dataclass(frozen=True, slots=True)
class Aligned:
    """One operation (or, with ``kind`` "agent", a group of them) of A, of B or of both."""

    kind: str
    name: str
    ordinal: int
    depth: int
    a: Row | None
    b: Row | None
    moved: bool = False

    @property
    def differs(self) -> str | None:
        """The first way in which they differ that is not only a matter of milliseconds."""
        if self.a is None or self.b is None:
            return f"only in {'A' if self.b is None else 'B'}"
        if self.a["status"] != self.b["status"]:
            return f"{self.a['status']} in A, {self.b['status']} in B"
        if (self.a["attempts"] or 0) != (self.b["attempts"] or 0):
            count = self.a["attempts"] or 0
            return f"{count} {'attempt' if count == 1 else 'attempts'} in A, {self.b['attempts'] or 0} in B"
        return MOVED if self.moved else None


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where two runs first part: how, and when in each (ms after its start; None where it has no such operation)."""

    kind: str
    name: str
    agent: str | None
    ordinal: int
    what: str
    a_operation_id: str | None
    b_operation_id: str | None
    a_ms: float | None
    b_ms: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A and B are the run rows (plain values); ``aligned`` is a tree in preorder by ``depth``."""

    a: Row
    b: Row
    deltas: tuple[Delta, ...]
    aligned: tuple[Aligned, ...]
    first_divergence: Divergence | None
    warnings: tuple[str, ...]


# name, unit, lower is better (None: neither), value of a run row
_NUMBERS: tuple[tuple[str, str, bool | None], ...] = (
    ("duration_ms", "ms", True), ("busy_ms", "ms", None), ("time_model_ms", "ms", True), ("time_tool_ms", "ms", True),
    ("time_activity_ms", "ms", True), ("time_queue_ms", "ms", True), ("time_backoff_ms", "ms", True),
    ("time_external_wait_ms", "ms", None), ("time_timer_ms", "ms", None), ("time_workflow_task_ms", "ms", True),
    ("time_unexplained_ms", "ms", None), ("operations", "count", None), ("attempts", "count", True),
    ("retries", "count", True), ("failed_attempts", "count", True),
    ("model_calls", "count", None), ("tool_calls", "count", None),
    ("billed_input", "tokens", True), ("billed_cached_input", "tokens", None), ("billed_output", "tokens", True),
    ("billed_reasoning", "tokens", None), ("wasted_tokens", "tokens", True), ("waste_share", "share", True),
    ("unknown_attempts", "count", True), ("cost_billed", "usd", True), ("cost_wasted", "usd", True),
)  # fmt: skip


def compare(a: RunFrames, b: RunFrames) -> Comparison:
    """Compare two runs, operation by operation."""
    left, right = (_numbers(frames) for frames in (a, b))
    rows_a, rows_b = (records(frames.operations, _OPERATION) for frames in (a, b))
    aligned = tuple(_aligned(match) for match in align(_tree(rows_a), _tree(rows_b)))
    return Comparison(
        left, right, _deltas(left, right), aligned,
        _first_divergence(aligned, _start(left), _start(right)), warnings_of(left, right),
    )  # fmt: skip


def usual(peers: Rows) -> dict[str, Any]:
    """What is usual: how many ``runs`` there are (rows of the query ``peers``), and the median of each number."""
    others = [_with_sums(dict(row)) for row in records(peers, (*schema.RUNS.names,))]
    middle = {name: _median(row.get(name) for row in others) for name, _, _ in _NUMBERS}
    return {"runs": len(others), **middle, "model_calls": None, "tool_calls": None}  # not in the rows of runs


def compare_to_median(a: RunFrames, peers: Rows) -> Comparison:
    """Compare a run with what is usual of ``peers``; B's row holds the medians, nothing is aligned."""
    left = _numbers(a)
    right = {"workflow_type": left.get("workflow_type"), **usual(peers)}
    few = (f"the median is of {right['runs']} runs only",) if right["runs"] < 5 else ()
    return Comparison(left, right, _deltas(left, right), (), None, few)


def _median(values: Iterable[Any]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return median(known) if known else None


def _deltas(a: Row, b: Row) -> tuple[Delta, ...]:
    return tuple(_delta(name, unit, lower, a.get(name), b.get(name)) for name, unit, lower in _NUMBERS)


def _delta(name: str, unit: str, lower: bool | None, a: float | None, b: float | None) -> Delta:
    if lower is None or a is None or b is None or a == b:
        return Delta(name, unit, a, b)
    return Delta(name, unit, a, b, better=(b < a) is lower)


def _numbers(frames: RunFrames) -> dict[str, Any]:
    row = _with_sums(one(frames.run))
    kinds = [found["kind"] for found in records(frames.operations, ("kind",))]
    row["model_calls"] = kinds.count("model")
    row["tool_calls"] = kinds.count("tool") + kinds.count("mcp")
    return row


def _with_sums(row: dict[str, Any]) -> dict[str, Any]:
    billed, wasted = (_total(row, f"{part}_input", f"{part}_output") for part in ("billed", "wasted"))
    return row | {
        "busy_ms": _total(row, "time_model_ms", "time_tool_ms", "time_activity_ms"),
        "wasted_tokens": wasted, "waste_share": wasted / billed if billed else None,
    }  # fmt: skip


def _total(row: Row, *names: str) -> Any:
    return sum(row.get(name) or 0 for name in names)


def _tree(rows: list[dict[str, Any]]) -> list[Node]:
    """Agents (and what no agent did) in order of their first operation, with their operations in order."""
    by_agent: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row["scheduled"] or 0, row["operation_id"])):
        by_agent[row["agent"] or ""].append(row)
    nodes: list[Node] = []
    for agent, found in by_agent.items():
        children = [Node(str(row["kind"]), str(row["name"] or ""), (), row) for row in found]
        nodes.extend([Node("agent", agent, children, _sum(found))] if agent else children)
    return nodes


def _sum(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A group of operations as one row; a sum is None where nothing of it is known."""
    names = ("attempts", "queue_ms", "run_ms", "backoff_ms", "billed_input", "billed_output", "useful_input",
             "useful_output", "cost_billed", "unknown_attempts")  # fmt: skip
    sums = {
        name: sum(known) if (known := [row[name] for row in rows if row[name] is not None]) else None for name in names
    }
    failed = any(row["status"] in _FAILED for row in rows)
    closes = [row["closed"] for row in rows]
    return dict.fromkeys(_OPERATION) | sums | {
        "status": "error" if failed else "running" if None in closes else "ok",
        "scheduled": min((row["scheduled"] for row in rows if row["scheduled"] is not None), default=None),
        "closed": None if None in closes else max(closes), "operations": len(rows),
    }  # fmt: skip


def _aligned(match: Match) -> Aligned:
    node = match.a or match.b
    assert node is not None  # a match has at least one side
    left, right = (side.data if side else None for side in (match.a, match.b))
    return Aligned(node.kind, node.name, match.ordinal, match.depth, left, right, match.moved)


def _start(run: Row) -> Micros:
    return int(run.get("started") or 0)


def _first_divergence(aligned: tuple[Aligned, ...], a: Micros, b: Micros) -> Divergence | None:
    found = list(_divergences(aligned, a, b))
    # Parallel branches end in any order: that is told only where nothing else differs.
    found = [each for each in found if each.what != MOVED] or found
    return min(found, key=lambda d: min(ms for ms in (d.a_ms, d.b_ms, float("inf")) if ms is not None), default=None)


def _divergences(aligned: tuple[Aligned, ...], a: Micros, b: Micros) -> Iterator[Divergence]:
    for row in aligned:
        what = row.differs if row.kind != "agent" else None  # its operations say it better
        if what is None:
            continue
        sides = ((row.a, a), (row.b, b))
        ids = [side["operation_id"] if side else None for side, _ in sides]
        times = [
            (side["scheduled"] - start) / 1000 if side and side["scheduled"] is not None else None
            for side, start in sides
        ]
        agent = (row.a or row.b or {}).get("agent")
        yield Divergence(row.kind, row.name, agent, row.ordinal, what, ids[0], ids[1], times[0], times[1])
