"""Whole runs in a few words: a row, operations and attempts, as the store would give them. Seconds after START."""

from typing import Any

from durascope_dashboard.analysis.compare import RunFrames
from durascope_dashboard.analysis.join import Joined
from tests.analysis.facts import joined, operation, run, told

Rows = list[dict[str, Any]]


def act(
    number: str, scheduled: float, closed: float | None, tries: tuple[tuple[float, float, float], ...] = (), **more: Any
) -> tuple[dict[str, Any], Rows]:
    """An activity and its attempts (queued, started, ended), all but the last of which failed."""
    tries = tries or ((scheduled, scheduled, closed if closed is not None else scheduled),)
    last = len(tries)
    own = {name: more.pop(name) for name in ("error_type", "http_status", "retry_by", "retry_delay_ms") if name in more}
    spans = [
        told(n, "ok" if n == last else "error", number, queued=q, started=s, ended=e, **({} if n == last else own))
        for n, (q, s, e) in enumerate(tries, 1)
    ]
    if closed is None:
        spans[-1] |= {"status": "running", "ended": None, "begun_only": True}
    return operation(number, scheduled, closed, attempts=last, **more), spans


def timer(name: str, scheduled: float, closed: float | None, **more: Any) -> dict[str, Any]:
    """A timer; also a signal, update or child with another ``kind``."""
    return {"operation_id": f"timer:{name}", "kind": "timer", "name": name, "scheduled": scheduled, "closed": closed,
            "status": "ok" if closed is not None else "running", "attempts": 0, **more}  # fmt: skip


def whole(*activities: tuple[dict[str, Any], Rows], closed: float | None, others: Rows | None = None, now: float = 100,
          **more: Any) -> Joined:  # fmt: skip
    """A run of these activities and other operations."""
    return joined(
        now=now,
        history_runs=[run(closed, **more)],
        history_operations=[facts for facts, _ in activities] + (others or []),
        history_attempts=[told(**_last(facts, spans)) for facts, spans in activities if facts["closed"] is not None],
        span_attempts=[row for _, spans in activities for row in spans],
    )


def _last(facts: dict[str, Any], spans: Rows) -> dict[str, Any]:
    """What history tells of an activity that has closed: its last attempt."""
    started = spans[-1]["started"] if spans else facts["scheduled"]
    return {
        "attempt": facts["attempts"],
        "activity": facts["activity_id"],
        "started": started,
        "ended": facts["closed"],
    }


def frames(result: Joined) -> RunFrames:
    """The one run of a join."""
    return RunFrames({str(k): v for k, v in result.runs.iloc[0].items()}, result.operations, result.attempts)
