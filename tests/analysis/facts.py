"""Evidence in a few words: frames as the store holds them, from rows that name only what matters."""

from typing import Any

import pandas as pd

from durascope_dashboard.analysis.frames import conform
from durascope_dashboard.analysis.join import Evidence, Joined, join

SECOND = 1_000_000
START = 1_700_000_000 * SECOND
"""When every run here begins, µs; times in rows are seconds after it."""
_MOMENTS = ("started", "closed", "scheduled", "queued", "ended", "next_retry", "start", "end", "last_heartbeat")
_KEY = {"namespace": "default", "workflow_id": "w", "run_id": "r"}


def at(seconds: float) -> int:
    """µs since the epoch, ``seconds`` after START."""
    return START + round(seconds * SECOND)


def _row(values: dict[str, Any]) -> dict[str, Any]:
    moments = {k: None if v is None else at(v) for k, v in values.items() if k in _MOMENTS}
    return {**_KEY, **values, **moments}


def frame(table: str, *rows: dict[str, Any]) -> pd.DataFrame:
    """Rows of a table; absent columns are null."""
    data = [_row(row) for row in rows]
    columns = {name: pd.Series([row.get(name) for row in data], dtype=object) for row in data for name in row}
    return conform(pd.DataFrame(columns), table)


def run(closed: float | None = 100.0, **more: Any) -> dict[str, Any]:
    """A run that history knows."""
    status = "running" if closed is None else "completed"
    return {"workflow_type": "W", "task_queue": "q", "status": status, "started": 0.0, "closed": closed,
            "first_run_id": "r", "last_event_id": 9, "from_history": True, **more}  # fmt: skip


def operation(activity: str = "1", scheduled: float = 0.0, closed: float | None = None, **more: Any) -> dict[str, Any]:
    """An activity that history knows; retried after 1 s, 2 s, 4 s ..."""
    return {"operation_id": f"activity:{activity}", "activity_id": activity, "kind": "activity", "name": "act",
            "activity_type": "act", "status": "running" if closed is None else "ok", "scheduled": scheduled,
            "closed": closed, "attempts": 0 if closed is None else 1, "initial_interval_ms": 1000.0,
            "backoff_coefficient": 2.0, "max_interval_ms": 100_000.0, **more}  # fmt: skip


def told(attempt: int, status: str = "ok", activity: str = "1", **more: Any) -> dict[str, Any]:
    """An attempt, as any source tells it."""
    return {"activity_id": activity, "attempt": attempt, "status": status, "estimated": False, **more}


def joined(now: float = 100.0, **tables: list[dict[str, Any]]) -> Joined:
    """Join these rows, table by table."""
    empty = Evidence.empty()
    frames = {name: getattr(empty, name) for name in empty.__dataclass_fields__}
    frames |= {name: frame(name, *rows) for name, rows in tables.items() if rows}
    return join(Evidence(**frames), at(now))


def rows(data: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    """The columns as plain tuples, nulls as None, times as seconds after START."""

    def plain(name: str, value: Any) -> Any:
        if pd.isna(value):
            return None
        return (value - START) / SECOND if name in _MOMENTS else value

    return [
        tuple(plain(c, v) for c, v in zip(columns, line, strict=True))
        for line in data[list(columns)].to_numpy(dtype=object)
    ]
