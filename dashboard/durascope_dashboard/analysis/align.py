"""Which child of one tree is which child of another.

Siblings are matched by (kind, name, ordinal): the third `search` here is the third `search` there. The longest common
subsequence keeps its order; what is in both but elsewhere is matched too and marked as moved (parallel branches end in
any order). With an ordinal every key is unique among siblings, so the subsequence is the longest increasing one:
n log n, not n².
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Node:
    """Something with a kind, a name and children; ``data`` is the caller's."""

    kind: str
    name: str
    children: "Sequence[Node]" = ()
    data: Any = None


@dataclass(frozen=True, slots=True)
class Match:
    """A node of each side, or of one; ``moved``: in both, but not in the common order."""

    a: Node | None
    b: Node | None
    ordinal: int
    depth: int
    moved: bool = False


def align(a: Sequence[Node], b: Sequence[Node], depth: int = 0) -> Iterator[Match]:
    """Matches in the order of both sides, each followed by those of its children."""
    left, right = _keyed(a), _keyed(b)
    where = {key: index for index, key in enumerate(right)}
    common = [(i, where[key]) for i, key in enumerate(left) if key in where]
    in_order = set(_increasing([j for _, j in common]))
    pairs = {i: (j, number in in_order) for number, (i, j) in enumerate(common)}
    taken = {j for j, _ in pairs.values()}
    next_right = 0
    for i, node in enumerate(a):
        found = pairs.get(i)
        if found is None:
            yield from _one_sided(node, None, left[i][2], depth)
            continue
        j, ordered = found
        if ordered:
            yield from _rest(b, right, range(next_right, j), taken, depth)
            next_right = j + 1
        yield Match(node, b[j], left[i][2], depth, moved=not ordered)
        yield from align(node.children, b[j].children, depth + 1)
    yield from _rest(b, right, range(next_right, len(b)), taken, depth)


_Key = tuple[str, str, int]


def _keyed(nodes: Sequence[Node]) -> list[_Key]:
    seen: Counter[tuple[str, str]] = Counter()
    keys = []
    for node in nodes:
        seen[node.kind, node.name] += 1
        keys.append((node.kind, node.name, seen[node.kind, node.name]))
    return keys


def _rest(b: Sequence[Node], keys: list[_Key], indexes: range, taken: set[int], depth: int) -> Iterator[Match]:
    for j in indexes:
        if j not in taken:
            yield from _one_sided(None, b[j], keys[j][2], depth)


def _one_sided(a: Node | None, b: Node | None, ordinal: int, depth: int) -> Iterator[Match]:
    yield Match(a, b, ordinal, depth)
    node = a or b
    for child, key in zip(node.children, _keyed(node.children), strict=True) if node else ():
        yield from _one_sided(child if a else None, child if b else None, key[2], depth + 1)


def _increasing(values: Sequence[int]) -> list[int]:
    """Positions of a longest strictly increasing subsequence."""
    tails: list[int] = []  # the smallest last value of a subsequence of each length
    ends: list[int] = []  # and its position
    before = [-1] * len(values)
    for position, value in enumerate(values):
        length = bisect_left(tails, value)
        before[position] = ends[length - 1] if length else -1
        tails[length : length + 1] = [value]
        ends[length : length + 1] = [position]
    result, position = [], ends[-1] if ends else -1
    while position >= 0:
        result.append(position)
        position = before[position]
    return result[::-1]
