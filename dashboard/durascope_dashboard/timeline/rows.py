"""Joined rows in, the timeline's lines out: what the canvas draws, and nothing that a prompt or a tool said.

A line is one row of the tree in reading order, with everything that happened on it; times are ms from run start.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

from durascope_dashboard.timeline import segments as segment
from durascope_dashboard.timeline import tree

Row = Mapping[str, Any]
TO_COME: Final = 0.15
"""Of an open run's time so far: how much of what is still to come (a retry's backoff) the axis has room for."""


class Bar(NamedTuple):
    """A segment on a line. ``start == end`` for a marker; tokens None if unknown."""

    kind: str
    start: float
    end: float
    attempt: int = 0
    error: str = ""
    by: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    estimated: int = 0


class Line(NamedTuple):
    """A row. ``parent`` is a position, -1 for the run; ``below`` counts children, ``hidden`` all rows left out below,
    ``failed`` the failed attempts among them.
    """

    id: str
    parent: int
    depth: int
    kind: str
    name: str
    start: float
    end: float
    status: str
    attempts: int
    tokens_in: float | None
    tokens_out: float | None
    cost: float | None
    agent: str
    critical: int
    below: int
    bars: tuple[Bar, ...]
    hidden: int = 0
    failed: int = 0


@dataclass(frozen=True, eq=False)  # compared by identity: its lines are thousands
class Timeline:
    """``origin`` is the run's start (µs); ``end`` the axis's (ms); ``now`` where an open run is (ms), else None."""

    lines: tuple[Line, ...]
    origin: int
    end: float
    now: float | None

    @cached_property
    def count(self) -> int:
        """Segments."""
        return sum(len(line.bars) for line in self.lines)


def timeline(
    run: Row,
    operations: Iterable[Row],
    attempts: Iterable[Row],
    spans: Iterable[Row],
    now: int,
    *,
    critical: Iterable[str] = (),
) -> Timeline:
    """The timeline of one run, from rows of the tables of these names. ``critical``: operation ids on its path."""
    root = tree.build(run, operations, spans)
    by_operation: dict[str, list[Row]] = {}
    for row in sorted(attempts, key=lambda row: int(row["attempt"])):
        by_operation.setdefault(row["operation_id"], []).append(row)
    so_far = max(now, run["started"]) if run["closed"] is None else None
    writer = _Writer(run["started"], now, so_far, frozenset(critical), by_operation)
    writer.add(root)
    end, lines = max(run["closed"] or now, writer.last), tuple(writer.lines)
    if so_far is None:
        return Timeline(lines, run["started"], writer.ms(end), None)
    here = writer.ms(so_far)
    return Timeline(lines, run["started"], min(writer.ms(end), here * (1 + TO_COME)), here)


class _Writer:
    """Walks the tree in reading order."""

    def __init__(
        self, origin: int, now: int, until: int | None, critical: frozenset[str], attempts: Mapping[str, list[Row]]
    ) -> None:
        """``until``: what comes after it has not happened yet; None of a closed run."""
        self.origin, self.now, self.until, self.critical, self.attempts = origin, now, until, critical, attempts
        self.lines: list[Line] = []
        self.last = origin

    def ms(self, micros: int) -> float:
        return (micros - self.origin) / 1000

    def add(self, root: tree.Node) -> None:
        stack: list[tuple[tree.Node, int, int]] = [(root, -1, 0)]
        while stack:  # no recursion: a chain of spans may be thousands deep
            node, parent, depth = stack.pop()
            index = len(self.lines)
            self.lines.append(self._line(node, parent, depth))
            stack.extend((child, index, depth + 1) for child in reversed(node.children))

    def _line(self, node: tree.Node, parent: int, depth: int) -> Line:
        found = self._segments(node)
        start = min([node.start, *(s.start for s in found)])
        end = max([node.end or node.start, *(s.end for s in found)])
        self.last = max(self.last, end)
        if self.until is not None:
            end = max(start, min(end, self.until))
        row, status = node.data, node.data.get("status")
        return Line(
            node.id, parent, depth, node.kind, node.name, self.ms(start), self.ms(end),
            status if status and status != "unset" else "ok", _attempts(node, self.attempts),
            *_usage(node), row.get("agent") or "",
            int(node.id in self.critical), len(node.children), tuple(self._bar(s) for s in found),
        )  # fmt: skip

    def _segments(self, node: tree.Node) -> list[segment.Segment]:
        if node.operation:
            return segment.of_operation(node.data, self.attempts.get(node.id, []), self.now)
        end = node.end if node.end is not None else max(self.now, node.start)
        bad = node.data.get("status") == "error"
        error = "error" if bad else ""
        kind = {"handoff": "marker", "tool": error or "ok", "mcp": error or "ok"}.get(node.kind, "bracket")
        return [segment.Segment(kind, node.start, max(node.start, end), error=error)]

    def _bar(self, s: segment.Segment) -> Bar:
        return Bar(s.kind, self.ms(s.start), self.ms(s.end), s.attempt, s.error, s.by, s.tokens_in, s.tokens_out,
                   int(s.estimated))  # fmt: skip


def _usage(node: tree.Node) -> tuple[float | None, float | None, float | None]:
    """Input, output and cost, of the run and its model calls; None where there is none to know, or nobody counted."""
    into, out = node.data.get("billed_input"), node.data.get("billed_output")
    if node.kind not in ("run", "model") or not (into or out):
        return None, None, None
    return into, out, node.data.get("cost_billed")


def _attempts(node: tree.Node, attempts: Mapping[str, list[Row]]) -> int:
    if not node.operation:
        return 0
    told = [row["attempt"] for row in attempts.get(node.id, [])]
    return int(max([*told, node.data["attempts"] or 0]))
