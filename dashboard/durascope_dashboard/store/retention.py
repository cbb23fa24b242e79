"""Taking runs out of the store, with everything that was told of them: those that are too old, or the oldest of many.

A run that Temporal says is open stays, however old and however silent: it may sleep for months and then go on.
"""

import math
from typing import Final

from durascope_dashboard.store import schema
from durascope_dashboard.store.engine import Store

RUNS_PER_STEP: Final = 5_000
_CLOSED: Final = "status <> 'running' AND closed IS NOT NULL"
_ENDLESS: Final = "status = 'running' AND coalesce(from_history, false) = false"
"""Nobody told their end, and no history will: their worker was killed, or nobody follows their Temporal."""


def drop_before(store: Store, micros: int) -> int:
    """Take out what is over since before that moment (µs); how many runs.

    Runs that closed before it, runs without a history of which nothing has been heard since, spans of no run.
    """
    dropped = 0
    for where, order in ((f"{_CLOSED} AND closed < {micros:d}", "closed"), (_silent(micros), "started")):
        step = RUNS_PER_STEP
        while step == RUNS_PER_STEP:
            step = _drop(store, where, order, RUNS_PER_STEP)
            dropped += step
    store.drop_strays(micros)
    return dropped


def _silent(micros: int) -> str:
    """Condition over ``runs``. When it was joined says nothing: what is open is joined again every few seconds."""
    candidates = f"{_ENDLESS} AND started < {micros:d}"
    among = f"run_id IN (SELECT run_id FROM runs WHERE {candidates})"
    since = {"spans": "received", "span_attempts": "coalesce(ended, started)", "observations": "observed"}
    heard = (f"SELECT run_id FROM {table} WHERE {moment} >= {micros:d} AND {among}" for table, moment in since.items())
    return f"{candidates} AND run_id NOT IN ({' UNION ALL '.join(heard)})"


def drop_oldest(store: Store, size: int) -> int:
    """Take out what is oldest until the rest takes at most ``size`` bytes, about; how many runs.

    Spans of no run go first, then the runs that closed first. What rows take can only be estimated, so one call takes
    out no more than the surplus that it found, and ends early when that does not help.
    """
    live = store.live_bytes()
    before = sum(live.values())
    if before <= size:
        return 0
    rows = store.sql(
        "SELECT (SELECT count(*) FROM runs) AS runs, (SELECT count(*) FROM spans) AS spans, "
        "(SELECT count(*) FROM spans WHERE run_id = '') AS strays"
    ).to_pylist()[0]
    of_strays = live["spans"] * rows["strays"] / max(rows["spans"], 1)
    surplus = before - size
    if rows["strays"]:
        _drop_oldest_strays(store, math.ceil(rows["strays"] * min(surplus / max(of_strays, 1), 1)))
        store.checkpoint()
    share = max(surplus - of_strays, 0) / max(before - of_strays, 1)
    return _drop_oldest_runs(store, math.ceil(rows["runs"] * share), size)


def _drop_oldest_strays(store: Store, count: int) -> None:
    oldest = f"SELECT received FROM spans WHERE run_id = '' ORDER BY received LIMIT {count:d}"
    last = store.sql(f"SELECT max(received) AS last FROM ({oldest}) AS oldest")["last"][0].as_py()
    store.drop_strays(int(last) + 1)


def _drop_oldest_runs(store: Store, count: int, size: int) -> int:
    dropped, live = 0, sum(store.live_bytes().values())
    while dropped < count and live > size:
        step = _drop(store, _CLOSED, "closed", min(count - dropped, RUNS_PER_STEP))
        dropped += step
        store.checkpoint()  # only then are blocks free
        before, live = live, sum(store.live_bytes().values())
        if not step or live >= before:
            break  # what is left is open, or takes no space
    return dropped


def _drop(store: Store, where: str, order: str, limit: int) -> int:
    keys = ", ".join(schema.RUN_KEY)
    found = store.sql(f"SELECT {keys} FROM runs WHERE {where} ORDER BY {order} LIMIT {limit:d}")
    if found.num_rows:
        store.replace(found, dict.fromkeys(schema.TABLES, None))
    return int(found.num_rows)
