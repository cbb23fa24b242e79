"""Joined frames in, two Arrow tables out: what the canvas draws, and nothing that a prompt or a tool said.

`rows` is the tree in reading order, `segments` everything that happened on each row; times are ms from run start.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from durascope_dashboard.timeline import segments as segment
from durascope_dashboard.timeline import tree

Row = Mapping[str, Any]
_text = pa.dictionary(pa.int32(), pa.string())
ROWS = pa.schema(
    [("id", pa.string()), ("parent", pa.int32()), ("depth", pa.int32()), ("kind", _text), ("name", _text),
     ("start", pa.float64()), ("end", pa.float64()), ("status", _text), ("attempts", pa.int32()),
     ("tokens_in", pa.float64()), ("tokens_out", pa.float64()), ("cost", pa.float64()), ("agent", _text),
     ("critical", pa.int32()), ("below", pa.int32())]
)  # fmt: skip
SEGMENTS = pa.schema(
    [("row", pa.int32()), ("kind", _text), ("start", pa.float64()), ("end", pa.float64()), ("attempt", pa.int32()),
     ("error", _text), ("by", _text), ("tokens_in", pa.float64()), ("tokens_out", pa.float64()),
     ("estimated", pa.int32())]
)  # fmt: skip
NAN = float("nan")


@dataclass(frozen=True)
class Timeline:
    """``origin`` is the run's start (µs); ``end`` its length so far (ms); ``open`` whether it still runs."""

    rows: pa.Table
    segments: pa.Table
    origin: int
    end: float
    open: bool

    @property
    def ids(self) -> list[str]:
        """Row ids, in order."""
        found: list[str] = self.rows["id"].to_pylist()
        return found


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
    writer = _Writer(run["started"], now, frozenset(critical), by_operation)
    writer.add(root)
    return writer.finish(run)


class _Writer:
    """Walks the tree in reading order and fills the columns."""

    def __init__(self, origin: int, now: int, critical: frozenset[str], attempts: Mapping[str, list[Row]]) -> None:
        self.origin, self.now, self.critical, self.attempts = origin, now, critical, attempts
        self.rows: list[dict[str, Any]] = []
        self.segments: list[dict[str, Any]] = []
        self.last = origin

    def add(self, root: tree.Node) -> None:
        stack: list[tuple[tree.Node, int, int]] = [(root, -1, 0)]
        while stack:  # no recursion: a chain of spans may be thousands deep
            node, parent, depth = stack.pop()
            index = len(self.rows)
            self._add(node, index, parent, depth)
            stack.extend((child, index, depth + 1) for child in reversed(node.children))

    def _add(self, node: tree.Node, index: int, parent: int, depth: int) -> None:
        found = self._segments(node)
        start = min([node.start, *(s.start for s in found)])
        end = max([node.end or node.start, *(s.end for s in found)])
        self.last = max(self.last, end)
        row = node.data
        status = row.get("status")
        self.rows.append(
            {
                "id": node.id, "parent": parent, "depth": depth, "kind": node.kind, "name": node.name,
                "start": self._ms(start), "end": self._ms(end), "status": status if status != "unset" else "ok",
                "attempts": _attempts(node, self.attempts), "tokens_in": _sum(row, "billed_input"),
                "tokens_out": _sum(row, "billed_output"), "cost": _sum(row, "cost_billed"),
                "agent": row.get("agent") or "", "critical": int(node.id in self.critical), "below": len(node.children),
            }
        )  # fmt: skip
        self.segments.extend(self._segment(index, s) for s in found)

    def _segments(self, node: tree.Node) -> list[segment.Segment]:
        if node.operation:
            return segment.of_operation(node.data, self.attempts.get(node.id, []), self.now)
        end = node.end if node.end is not None else max(self.now, node.start)
        kind = "marker" if node.kind == "handoff" else "bracket"
        error = "error" if node.data.get("status") == "error" else ""
        return [segment.Segment(kind, node.start, max(node.start, end), error=error)]

    def _segment(self, row: int, s: segment.Segment) -> dict[str, Any]:
        return {
            "row": row, "kind": s.kind, "start": self._ms(s.start), "end": self._ms(s.end), "attempt": s.attempt,
            "error": s.error, "by": s.by, "estimated": int(s.estimated),
            "tokens_in": NAN if s.tokens_in is None else float(s.tokens_in),
            "tokens_out": NAN if s.tokens_out is None else float(s.tokens_out),
        }  # fmt: skip

    def _ms(self, micros: int) -> float:
        return (micros - self.origin) / 1000

    def finish(self, run: Row) -> Timeline:
        """The two tables."""
        end = self._ms(run["closed"] if run["closed"] is not None else max(self.now, self.last))
        return Timeline(
            pa.Table.from_pylist(self.rows, schema=ROWS), pa.Table.from_pylist(self.segments, schema=SEGMENTS),
            self.origin, max(end, self._ms(self.last)), run["closed"] is None,
        )  # fmt: skip


def _attempts(node: tree.Node, attempts: Mapping[str, list[Row]]) -> int:
    if not node.operation:
        return 0
    told = [row["attempt"] for row in attempts.get(node.id, [])]
    return int(max([*told, node.data["attempts"] or 0]))


def _sum(row: Row, column: str) -> float:
    value = row.get(column)
    return NAN if value is None else float(value)
