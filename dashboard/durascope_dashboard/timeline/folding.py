"""Runs too long for one payload: turns travel shut, as thin lanes of what is in them, and are filled when opened.

turn 7    |=mm=t==tt=!=|    lanes: model, tool, other, failed; nothing shorter than a pixel is kept apart
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final

from durascope_dashboard.timeline.rows import Bar, Line, Timeline

WHOLE_UNTIL: Final = 20_000
"""Segments in one payload."""
SUMMARY_FROM: Final = 100_000
"""Segments from which the page says that a file is the better place to look."""
PIXELS: Final = 4_000
SHUT: Final = (("turn", "group"), ("agent", "turn", "group"))
_LANES: Final = {"model": "lane_model", "tool": "lane_tool", "mcp": "lane_tool"}
_FAILED: Final = {"error": "lane_error", "timeout": "lane_timeout", "lost": "lane_timeout"}
_RAN: Final = frozenset({"ok", "error", "timeout", "lost", "cancelled", "running"})


def folded(drawn: Timeline, opened: Collection[str]) -> Timeline:
    """The timeline with what is in its turns left out, but for rows in ``opened``; the same if it is not too long."""
    return drawn if drawn.count <= WHOLE_UNTIL else _folded(drawn, frozenset(opened))


@lru_cache(maxsize=6)  # a page asks twice, and a click on a row that stays shut asks again
def _folded(drawn: Timeline, opened: frozenset[str]) -> Timeline:
    found = drawn
    for kinds in SHUT:
        found = replace(drawn, lines=tuple(_shut(drawn, frozenset(kinds), opened)))
        if found.count <= WHOLE_UNTIL:
            break
    return found


def above(drawn: Timeline, row_id: str) -> list[str]:
    """The rows that must be open for a row to be seen."""
    found: list[str] = []
    number = next((n for n, line in enumerate(drawn.lines) if line.id == row_id), -1)
    while number >= 0 and drawn.lines[number].parent >= 0:
        number = drawn.lines[number].parent
        found.append(drawn.lines[number].id)
    return found


def _shut(drawn: Timeline, kinds: frozenset[str], opened: frozenset[str]) -> Iterator[Line]:
    lines, places = drawn.lines, {}
    number, kept = 0, 0
    while number < len(lines):
        line = lines[number]
        places[number] = kept
        after = number + 1
        parent = places.get(line.parent, -1)
        if line.kind in kinds and line.below and line.id not in opened:
            while after < len(lines) and lines[after].depth > line.depth:
                after += 1
            inside = lines[number + 1 : after]
            failed = sum(bar.kind in _FAILED for below in inside for bar in below.bars)
            bars = (*line.bars, *_lanes(inside, drawn.end / PIXELS))
            line = line._replace(hidden=len(inside), failed=failed, bars=bars)
        yield line._replace(parent=parent)
        number, kept = after, kept + 1


def _lanes(inside: tuple[Line, ...], gap: float) -> Iterator[Bar]:
    """What ran, a lane a kind; bars nearer to each other than a pixel become one."""
    ran: dict[str, list[tuple[float, float]]] = {}
    for line in inside:
        for bar in line.bars:
            if bar.kind in _RAN:
                lane = _FAILED.get(bar.kind) or _LANES.get(line.kind, "lane_activity")
                ran.setdefault(lane, []).append((bar.start, bar.end))
    for lane, spans in ran.items():
        spans.sort()
        start, end = spans[0]
        for begin, finish in spans[1:]:
            if begin > end + gap:
                yield Bar(lane, start, end)
                start, end = begin, finish
            end = max(end, finish)
        yield Bar(lane, start, end)
