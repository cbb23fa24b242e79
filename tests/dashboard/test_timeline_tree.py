"""Which rows there are and under which row each stands, whatever the spans say of their parents."""

from typing import Any

import pytest

from durascope import identity
from durascope_dashboard.timeline import tree

Row = dict[str, Any]
RUN = {
    "namespace": "default", "workflow_id": "w", "run_id": "r", "workflow_type": "Research", "started": 0,
    "closed": 100, "status": "completed",
}  # fmt: skip


def span(span_id: str, parent: str | None, kind: str | None, start: int = 0, **more: Any) -> Row:
    """A span as the query `structure` gives it."""
    return {
        "span_id": span_id, "parent_span_id": parent, "kind": kind, "name": span_id, "start": start, "end": start + 10,
        "status": "ok", "activity_id": None, "agent": None,
    } | more  # fmt: skip


def operation(number: int, parent: str | None = None, start: int = 0, **more: Any) -> Row:
    """An activity."""
    return {
        "operation_id": f"activity:{number}", "activity_id": str(number), "kind": "tool", "name": f"tool{number}",
        "scheduled": start, "closed": start + 5, "parent_span_id": parent, "model": None, "detail": None,
        "status": "ok",
    } | more  # fmt: skip


def outline(node: tree.Node) -> Any:
    """Names, nested."""
    return {node.name: [outline(child) for child in node.children]} if node.children else node.name


def test_agents_turns_and_calls_nest() -> None:
    """Operations stand below the span that scheduled them, in order of start."""
    spans = [span("agent", "root", "agent", agent="Planner"), span("turn 1", "agent", "turn")]
    found = tree.build(RUN, [operation(2, "turn 1", 5), operation(1, "turn 1", 1)], spans)
    assert outline(found) == {"Research": [{"Planner": [{"turn 1": ["tool1", "tool2"]}]}]}


def test_a_span_inside_an_attempt_stands_below_its_operation() -> None:
    """Also if the attempt's own span was not read."""
    found = tree.build(RUN, [operation(1)], [span("inner", "not here", "custom", activity_id="1")])
    assert outline(found) == {"Research": [{"tool1": ["inner"]}]}


def test_what_an_operation_stands_for_has_no_row_of_its_own() -> None:
    """The SDK's function span that scheduled the activity moves its children up to the activity's row."""
    spans = [span("function", None, "tool"), span("attempt", "function", "attempt", activity_id="1")]
    found = tree.build(RUN, [operation(1, "function")], spans)
    assert outline(found) == {"Research": ["tool1"]}


def test_a_run_from_history_alone_is_a_list() -> None:
    """No spans: the run and its operations."""
    assert outline(tree.build(RUN, [operation(1), operation(2, start=3)], [])) == {"Research": ["tool1", "tool2"]}


@pytest.mark.parametrize("size", [2, 7])
def test_spans_that_name_each_other_as_parents_are_all_there_once(size: int) -> None:
    """A ring of parents is somebody's bug or joke; no row is lost and nothing hangs."""
    spans = [span(f"s{n}", f"s{(n + 1) % size}", "custom") for n in range(size)]
    found, seen = [tree.build(RUN, [], spans)], []
    while found:
        node = found.pop()
        seen.append(node.id)
        found += node.children
    assert sorted(seen) == sorted(["run", *(f"span:s{n}" for n in range(size))])


def test_thousands_on_one_level_come_by_the_hundred() -> None:
    """A long run from history alone has no turns to fold."""
    found = tree.build(RUN, [operation(n, start=n) for n in range(1001)], [])
    assert len(found.children) == 11
    assert found.children[0].name == "tools 1 to 100" and len(found.children[0].children) == 100


def test_the_parent_of_an_operation_may_be_an_operation() -> None:
    """By the operation's own span id, which follows from its key."""
    key = identity.RunKey("default", "w", "r")
    above = identity.format_span_id(identity.operation_span_id(key, "activity:1"))
    found = tree.build(RUN, [operation(1), operation(2, above, start=1)], [])
    assert outline(found) == {"Research": [{"tool1": ["tool2"]}]}
