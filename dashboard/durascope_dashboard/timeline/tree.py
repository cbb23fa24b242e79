"""Which rows a timeline has and under which row each stands, from spans and operations.

    run
     +-- agent                  span
          +-- turn              span
               +-- model call   operation (its attempts are segments of this row)
               +-- tool         operation
                    +-- custom  span, from inside an attempt

Spans that an operation already stands for (attempts, the Agents SDK's generation and function spans) give no row:
what hangs below them moves up to the nearest row. A run known from history alone is the run and its operations.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from durascope import conventions, identity

ROOT: Final = "run"
MANY: Final = 1_000
GROUP: Final = 100
SHOWN: Final = frozenset(
    {conventions.SPAN_AGENT, conventions.SPAN_TURN, conventions.SPAN_HANDOFF, conventions.SPAN_GUARDRAIL,
     conventions.SPAN_CUSTOM}
)  # fmt: skip
# Shown only if no operation stands for the same thing: a tool that runs inside the workflow is no activity.
SHOWN_ALONE: Final = frozenset({conventions.SPAN_TOOL, conventions.SPAN_MCP})
Row = Mapping[str, Any]


@dataclass
class Node:
    """A row before it has a place: ``data`` is the operation's or span's own row."""

    id: str
    kind: str
    name: str
    start: int
    end: int | None
    data: Row
    operation: bool
    parent: str = ROOT
    children: list["Node"] = field(default_factory=list)


def build(run: Row, operations: Iterable[Row], spans: Iterable[Row]) -> Node:
    """The tree of a run's rows; children in order of start."""
    root = Node(ROOT, "run", str(run["workflow_type"] or run["workflow_id"]), run["started"], run["closed"], run, False)
    spans = list(spans)
    nodes = {node.id: node for node in map(_operation_node, operations)}
    place = _Places(run, spans, nodes)
    for span in spans:
        if place.shown(span):
            node = _span_node(span)
            nodes[node.id] = node
    for node in nodes.values():
        node.parent = place.parent_row(node, nodes)
    for node in sorted(nodes.values(), key=lambda n: (n.start, n.kind != conventions.SPAN_HANDOFF, n.id)):
        (nodes[node.parent] if node.parent != ROOT else root).children.append(node)
    for node in (root, *nodes.values()):
        if len(node.children) > MANY:
            node.children = _grouped(node)
    return root


def _grouped(node: Node) -> list[Node]:
    """A row that has thousands below it (a run known from history alone has no turns) gets them by the hundred."""
    groups = []
    for first in range(0, len(node.children), GROUP):
        part = node.children[first : first + GROUP]
        ends = [child.end for child in part]
        end = None if None in ends else max(end for end in ends if end is not None)
        kinds = {child.kind for child in part}
        name = f"{f'{kinds.pop()}s' if len(kinds) == 1 else 'rows'} {first + 1:,} to {first + len(part):,}"
        groups.append(Node(f"group:{node.id}:{first}", "group", name, part[0].start, end, {}, False, node.id, part))
    return groups


class _Places:
    """Finds the row that a span id belongs to."""

    def __init__(self, run: Row, spans: list[Row], operations: dict[str, Node]) -> None:
        key = identity.RunKey(run["namespace"], run["workflow_id"], run["run_id"])
        self.spans = {span["span_id"]: span for span in spans}
        self.rows: dict[str, str] = {}
        for node in operations.values():
            span_id = identity.format_span_id(identity.operation_span_id(key, node.id))
            self.rows[span_id] = node.id
        activities = (node.data for node in operations.values() if node.data["activity_id"] is not None)
        self.scheduled = {row["parent_span_id"] for row in activities} - {None}

    def shown(self, span: Row) -> bool:
        """Whether the span is a row of its own."""
        kind = span["kind"]
        if span["activity_id"] and kind in (conventions.SPAN_ATTEMPT, conventions.SPAN_OPERATION):
            return False
        if kind in SHOWN_ALONE:
            return span["span_id"] not in self.scheduled and not span["activity_id"]
        return kind in SHOWN or (kind is None and bool(span["activity_id"]))

    def parent_row(self, node: Node, nodes: Mapping[str, Node]) -> str:
        """The nearest row above, never the node itself; the run if the chain breaks or is a ring."""
        at, seen = node.data.get("parent_span_id"), {node.id}
        while at and at not in seen:
            seen.add(at)
            found = self.rows.get(at) or (f"span:{at}" if f"span:{at}" in nodes else None)
            if found and found != node.id and not _below(found, node.id, nodes):
                return found
            span = self.spans.get(at)
            if span is None:
                break
            operation = _operation_of(span)
            if operation and operation in nodes and operation != node.id:
                return operation
            at = span["parent_span_id"]
        # What is inside an attempt stands below its operation, also if the attempt's own span is not here.
        operation = None if node.operation else _operation_of(node.data)
        return operation if operation and operation in nodes else ROOT


def _below(candidate: str, node: str, nodes: Mapping[str, Node]) -> bool:
    """Whether ``candidate`` already stands below ``node``: hostile spans may name each other as parents."""
    seen: set[str] = set()
    while candidate != ROOT and candidate not in seen:
        seen.add(candidate)
        if candidate == node:
            return True
        candidate = nodes[candidate].parent
    return candidate != ROOT


def _operation_of(span: Row) -> str | None:
    return identity.activity_operation(span["activity_id"]) if span["activity_id"] else None


def _operation_node(row: Row) -> Node:
    return Node(row["operation_id"], row["kind"], _operation_name(row), row["scheduled"], row["closed"], row, True)


def _operation_name(row: Row) -> str:
    if row["kind"] == "model":
        return str(row["model"] or row["name"] or "model")
    if row["kind"] in ("child", "signal", "update") and row["detail"] and row["detail"] != row["name"]:
        return f"{row['name']} · {row['detail']}"
    return str(row["name"] or row["kind"])


def _span_node(span: Row) -> Node:
    kind = span["kind"] or "span"
    return Node(f"span:{span['span_id']}", kind, _span_name(span), span["start"], span["end"], span, False)


def _span_name(span: Row) -> str:
    name = str(span["name"] or span["kind"] or "span")
    if span["kind"] == conventions.SPAN_AGENT:
        return str(span["agent"] or name)
    if span["kind"] == conventions.SPAN_TOOL:
        return name.removeprefix("execute_tool ")  # what the semantic conventions call such a span
    if span["kind"] == conventions.SPAN_TURN and span["agent"]:
        return f"{span['agent']} · {name}" if span["agent"] not in name else name
    return name
