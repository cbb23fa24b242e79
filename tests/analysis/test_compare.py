"""Comparing two runs: alignment, deltas with good and bad, the first divergence, fair warnings."""

import time
from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings

from durascope_dashboard.analysis.align import Match, Node, align
from durascope_dashboard.analysis.compare import Comparison, Delta, compare, compare_to_median
from tests.analysis.runs import act, frames, whole

RETRIED = ((2.0, 2.0, 4.0), (14.0, 14.0, 18.0))


def nodes(text: str) -> list[Node]:
    """Names, one letter each."""
    return [Node("tool", name) for name in text]


def matched(a: str, b: str) -> list[str]:
    """``x1`` in both, ``-x1`` only in A, ``+x1`` only in B, ``~x1`` moved."""

    def sign(match: Match) -> str:
        return "+" if match.a is None else "-" if match.b is None else "~" if match.moved else ""

    return [
        f"{sign(match)}{(match.a or match.b or nodes('?')[0]).name}{match.ordinal}"
        for match in align(nodes(a), nodes(b))
    ]


def test_siblings_match_by_kind_name_and_ordinal_in_order() -> None:
    """What is only in one side stands where it happened."""
    assert matched("abc", "abc") == ["a1", "b1", "c1"]
    assert matched("aab", "ab") == ["a1", "-a2", "b1"]
    assert matched("ac", "abc") == ["a1", "+b1", "c1"]
    assert matched("", "ab") == ["+a1", "+b1"]
    assert matched("ab", "ba") in (["~a1", "b1"], ["a1", "~b1"])


@settings(max_examples=200, deadline=None)
@given(st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_alignment_keeps_everything_once_and_its_order(a: str, b: str) -> None:
    """Every node of each side is in exactly one match; those not moved are a longest common subsequence."""
    left, right = nodes(a), nodes(b)
    found = list(align(left, right))
    assert sorted(id(m.a) for m in found if m.a) == sorted(map(id, left))
    assert [m.b for m in found if m.b and not m.moved] == [
        n for n in right if any(m.b is n and not m.moved for m in found)
    ]
    both = [m for m in found if m.a and m.b]
    assert all((m.a.kind, m.a.name) == (m.b.kind, m.b.name) for m in both if m.a and m.b)
    assert sum(not m.moved for m in both) == _lcs(_keys(a), _keys(b))


def _keys(text: str) -> list[tuple[str, int]]:
    return [(c, text[: i + 1].count(c)) for i, c in enumerate(text)]


def _lcs(a: list[tuple[str, int]], b: list[tuple[str, int]]) -> int:
    row = [0] * (len(b) + 1)
    for x in a:
        above = row[:]
        for j, y in enumerate(b):
            row[j + 1] = above[j] + 1 if x == y else max(above[j + 1], row[j])
    return row[-1]


def test_children_align_below_their_parents() -> None:
    """Preorder with depth; the children of a one-sided parent are one-sided."""
    a = [Node("agent", "x", nodes("ab"))]
    b = [Node("agent", "x", nodes("ac")), Node("agent", "y", nodes("d"))]
    found = [(m.depth, (m.a or m.b or a[0]).name, m.a is not None, m.b is not None) for m in align(a, b)]
    assert found == [(0, "x", True, True), (1, "a", True, True), (1, "b", True, False), (1, "c", False, True),
                     (0, "y", False, True), (1, "d", False, True)]  # fmt: skip


def test_twenty_thousand_siblings_align_quickly() -> None:
    """n log n: a long loop against a long loop."""
    began = time.process_time()
    assert len(list(align(nodes("ab" * 10_000), nodes("ba" * 10_000)))) == 20_000
    assert time.process_time() - began < 4


def runs() -> Comparison:
    bad = whole(act("1", 0, 2, name="plan"), act("2", 2, 18, RETRIED, name="search"), closed=20)
    good = whole(act("1", 0, 2, name="plan"), act("2", 3, 6, name="search"), act("3", 6, 7, name="fetch"), closed=8,
                 run_id="r", build_id="v2")  # fmt: skip
    return compare(frames(bad), frames(good))


def test_deltas_say_better_or_worse_not_up_or_down() -> None:
    """Less time is better; more operations is neither; equal is nothing."""
    found = {delta.name: delta for delta in runs().deltas}
    duration, attempts, operations = found["duration_ms"], found["failed_attempts"], found["operations"]
    assert (duration.a, duration.b, duration.change, duration.better) == (20_000, 8_000, -12_000, True)
    assert (attempts.change, attempts.better) == (-1, True)
    assert (operations.change, operations.better) == (1, None)
    assert found["cost_wasted"].better is None and found["waste_share"].a is None


def test_the_first_divergence_is_the_earliest_in_time() -> None:
    """The retried search comes before the extra fetch."""
    found = runs().first_divergence
    assert found is not None
    assert (found.name, found.what, found.a_ms, found.b_ms) == ("search", "2 attempts in A, 1 in B", 2_000, 3_000)


def test_equal_runs_do_not_diverge() -> None:
    """A run against itself: no change, no divergence, no warning."""
    one = frames(whole(act("1", 0, 2, name="plan"), closed=20))
    found = compare(one, one)
    assert found.first_divergence is None and found.warnings == ()
    assert all(delta.change in (0, None) and delta.better is None for delta in found.deltas)


def test_what_makes_a_comparison_unfair_is_said() -> None:
    """Other builds, one still running, one without telemetry."""
    assert runs().warnings == ("different builds: A unknown, B v2",)
    open_ = whole(act("1", 0, None), closed=None, now=9, workflow_type="Other")
    operation, _ = act("1", 0, 9)
    blind = whole((operation, []), closed=10)
    said = " | ".join(compare(frames(open_), frames(blind)).warnings)
    assert "different workflow types: A Other, B W" in said and "A is still running" in said
    assert "B: 1 of 1 attempts left no telemetry" in said


def test_against_the_median_of_its_type() -> None:
    """The medians of its peers, as many as there are."""
    one = frames(whole(act("1", 0, 30), closed=30))
    others: list[dict[str, Any]] = [
        {"run_id": str(n), "status": "completed", "duration_ms": n * 1000.0, "attempts": n, "billed_input": 10 * n,
         "billed_output": 0, "wasted_input": n, "wasted_output": 0}
        for n in (10, 20, 60)
    ]  # fmt: skip
    found = compare_to_median(one, others)
    deltas = {delta.name: delta for delta in found.deltas}
    assert (deltas["duration_ms"].b, deltas["duration_ms"].better) == (20_000, True)
    assert deltas["waste_share"].b == 0.1 and deltas["model_calls"].b is None
    assert found.warnings == ("the median is of 3 runs only",)


def test_another_order_is_told_only_where_nothing_else_differs() -> None:
    """Parallel branches end in any order: an attempt more is what sets two runs apart, however late it is."""
    both = (act("1", 0, 2, name="plan"), act("2", 3, 4, name="search"), act("3", 5, 6, name="fetch"))
    turned = (act("1", 0, 2, name="plan"), act("2", 3, 4, name="fetch"), act("3", 5, 6, name="search"))
    found = compare(frames(whole(*both, closed=20)), frames(whole(*turned, closed=20)))
    assert found.first_divergence is not None and found.first_divergence.what == "in another order"
    more = (*turned, act("4", 7, 9, name="last"))
    found = compare(frames(whole(*both, closed=20)), frames(whole(*more, closed=20)))
    assert found.first_divergence is not None and found.first_divergence.what == "only in B"


def test_a_change_is_negligible_or_slight_or_neither() -> None:
    """Less than can be told apart, less than 5 %, more; what is unknown is none of them."""
    said = [(d.negligible, d.slight) for d in (
        Delta("x", "ms", 1000.0, 1000.4), Delta("x", "ms", 1000.0, 1040.0), Delta("x", "ms", 1000.0, 1060.0),
        Delta("x", "ms", None, 9.0), Delta("x", "count", 0, 1),
    )]  # fmt: skip
    assert said == [(True, True), (False, True), (False, False), (False, False), (False, False)]
