"""Two runs on one scale: which bars stand in which lane."""

from typing import Any

from durascope_dashboard.analysis.compare import Aligned
from durascope_dashboard.panels import twin

S = 1_000_000


def operation(number: str, **values: Any) -> dict[str, Any]:
    """A row of ``operations`` as the comparison carries it."""
    return {"operation_id": number, "status": "ok", "attempts": 1, "scheduled": 10 * S, "closed": 13 * S} | values


def attempt(number: str, n: int, queued: float, started: float, ended: float | None, status: str) -> dict[str, Any]:
    """A row of ``attempts``; times in seconds."""
    times = {"queued": int(queued * S), "started": int(started * S), "ended": None if ended is None else int(ended * S)}
    return {"operation_id": number, "attempt": n, "status": status, "error_type": None, **times}


def test_each_attempt_has_its_queue_wait_and_backoff_from_the_start_of_its_run() -> None:
    """A failed attempt, the backoff after it, the next one; an attempt that still runs ends now."""
    row = Aligned("model", "model", 1, 1, operation("a"), None)
    tried = [attempt("a", 1, 10, 10.5, 11, "error"), attempt("a", 2, 12, 12, None, "running")]
    bars = twin.bars([row], "A", 10 * S, tried, 15 * S)
    assert [(b["kind"], b["start"], b["end"], b["alone"]) for b in bars] == [
        ("queue", 0, 500, True), ("error", 500, 1000, True), ("backoff", 1000, 2000, True), ("model", 2000, 5000, True),
    ]  # fmt: skip
    assert twin.bars([row], "B", 0, [], 0) == []


def test_what_has_no_attempts_is_one_bar_and_an_agent_none() -> None:
    """A human wait from its schedule to its close; a group is only a heading."""
    wait = Aligned("human_wait", "approval", 1, 0, operation("w"), operation("w2"))
    agent = Aligned("agent", "Planner", 1, 0, operation("x"), operation("y"))
    bars = twin.bars([wait, agent], "A", 10 * S, [], 0)
    assert [(b["row"], b["kind"], b["start"], b["end"]) for b in bars] == [(0, "external_wait", 0, 3000)]


def test_only_what_differs_can_be_shown_and_names_keep_their_number() -> None:
    """Rows that are alike are left out on request; the third of a name says so; long names are cut."""
    same = Aligned("tool", "search", 1, 1, operation("a"), operation("b"))
    more = Aligned("tool", "search", 3, 1, operation("a", attempts=4), operation("b"))
    assert twin.chosen([same, more], differing=True) == [more]
    assert twin.chosen([same, more], differing=False) == [same, more]
    assert twin.label(more) == "\u2003search #3"
    assert len(twin.label(Aligned("tool", "x" * 90, 1, 0, None, operation("b")))) == 32
