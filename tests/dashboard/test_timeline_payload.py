"""What goes to the browser: a base once, then what differs from it; and runs too long for one payload, shut."""

import random
from typing import Any

import pytest

from durascope_dashboard.timeline import folding, payload
from durascope_dashboard.timeline.rows import Bar, Line, Timeline


def line(row_id: str, parent: int = 0, depth: int = 1, kind: str = "tool", **more: Any) -> Line:
    """A row with one attempt."""
    values: dict[str, Any] = {
        "id": row_id, "parent": parent, "depth": depth, "kind": kind, "name": row_id, "start": 0.0, "end": 1.0,
        "status": "ok", "attempts": 1, "tokens_in": None, "tokens_out": None, "cost": None, "agent": "", "critical": 0,
        "below": 0, "bars": (Bar("ok", 0.0, 1.0, 1),),
    }  # fmt: skip
    return Line(**values | more)


def run(*lines: Line) -> Timeline:
    """A timeline of these lines below the run's."""
    return Timeline((line("run", -1, 0, "run", bars=()), *lines), 0, 1000.0, 1000.0)


def applied(base: payload.Base, changed: payload.Delta, count: int) -> list[str]:
    """The rows as the browser puts them together: the delta's at their places, the base's other rows between."""
    ids, places = changed.rows["id"].to_pylist(), changed.rows["at"].to_pylist()
    rest = iter(row.id for row in base.lines if row.id not in ids)
    at = dict(zip(places, ids, strict=True))
    return [at[n] if n in at else next(rest) for n in range(count)]


def test_nothing_changed_sends_no_row() -> None:
    """A click redraws the page and sends none of the run again."""
    drawn = run(line("a"), line("b"))
    found = payload.delta(payload.Base.of(drawn, "x"), drawn)
    assert found is not None and found.rows.num_rows == 0 and found.segments.num_rows == 0


def test_only_what_is_new_or_other_is_sent_whole() -> None:
    """A row that has gone on is sent with all of its segments; a new one stands where it belongs."""
    base = payload.Base.of(run(line("a"), line("b"), line("c")), "x")
    longer = line("b", end=5.0, bars=(Bar("ok", 0.0, 1.0, 1), Bar("running", 2.0, 5.0, 2)))
    drawn = run(line("a"), line("new"), longer, line("c"))
    found = payload.delta(base, drawn)
    assert found is not None
    assert found.rows["id"].to_pylist() == ["new", "b"] and found.segments["row"].to_pylist() == [0, 1, 1]
    assert applied(base, found, 5) == ["run", "a", "new", "b", "c"]


@pytest.mark.parametrize("seed", range(20))
def test_base_and_delta_are_the_whole(seed: int) -> None:
    """Whatever changed and came: what the browser puts together is what was drawn."""
    rng = random.Random(seed)
    before = [line(f"r{n}") for n in range(30)]
    after = [row._replace(end=9.0) if rng.random() < 0.2 else row for row in before]
    for number in range(rng.randint(0, 8)):
        after.insert(rng.randint(0, len(after)), line(f"new{number}"))
    base, drawn = payload.Base.of(run(*before), "x"), run(*after)
    found = payload.delta(base, drawn)
    assert found is not None
    assert applied(base, found, len(drawn.lines)) == [row.id for row in drawn.lines]


@pytest.mark.parametrize("after", [["a"], ["b", "a"]])
def test_rows_that_go_or_move_need_a_new_base(after: list[str]) -> None:
    """The browser cannot take rows away."""
    base = payload.Base.of(run(line("a"), line("b")), "x")
    assert payload.delta(base, run(*(line(name) for name in after))) is None


def test_unknown_tokens_are_nan_not_zero() -> None:
    """JavaScript reads the buffer, in which a null would be 0."""
    rows, _ = payload.tables([line("a")], [0])
    assert rows["tokens_in"].null_count == 0 and str(rows["tokens_in"][0].as_py()) == "nan"


def turns(count: int, each: int) -> Timeline:
    """A run of turns with ``each`` calls, the first of every turn failed."""
    lines: list[Line] = []
    for turn in range(count):
        here = len(lines) + 1
        lines.append(line(f"turn{turn}", kind="turn", below=each, bars=(Bar("bracket", 0, 1),)))
        bars = (Bar("error", turn, turn + 0.5, 1), Bar("ok", turn + 0.5, turn + 1.0, 2))
        lines += [line(f"call{turn}.{n}", here, 2, bars=bars if n == 0 else bars[1:]) for n in range(each)]
    return run(*lines)


def test_a_run_of_normal_length_is_whole() -> None:
    """Nothing is shut below 20,000 segments."""
    drawn = turns(10, 5)
    assert folding.folded(drawn, ()) is drawn


def test_turns_of_a_huge_run_are_shut_and_keep_their_failures() -> None:
    """What was left out is counted, painted as lanes, and comes when its turn is opened."""
    drawn = turns(2000, 12)
    assert drawn.count > folding.WHOLE_UNTIL
    shut = folding.folded(drawn, ())
    assert len(shut.lines) == 2001 and shut.count < folding.WHOLE_UNTIL
    first = shut.lines[1]
    assert (first.hidden, first.failed) == (12, 1)
    assert {bar.kind for bar in first.bars} == {"bracket", "lane_error", "lane_tool"}
    opened = folding.folded(drawn, {"turn7"})
    assert len(opened.lines) == 2013
    call = next(row for row in opened.lines if row.id == "call7.3")
    assert opened.lines[call.parent].id == "turn7" and opened.lines[call.parent].hidden == 0


def test_a_link_to_a_row_opens_what_is_above_it() -> None:
    """``?span=`` of a row inside a shut turn."""
    assert folding.above(turns(3, 2), "call1.1") == ["turn1", "run"]
    assert folding.above(turns(3, 2), "nobody") == []
