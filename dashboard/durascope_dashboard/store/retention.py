"""Taking runs out of the store, with everything that was told of them. Open runs stay, however old."""

import math
from typing import Final

from durascope_dashboard.store import schema
from durascope_dashboard.store.engine import Store

RUNS_PER_STEP: Final = 5_000


def drop_closed_before(store: Store, micros: int) -> int:
    """Take out runs that closed before that moment, and spans of no run received before it; how many runs."""
    dropped = 0
    while True:
        step = _drop(store, f"closed < {micros:d}", RUNS_PER_STEP)
        dropped += step
        if step < RUNS_PER_STEP:
            break
    store.drop_strays(micros)
    return dropped


def drop_oldest(store: Store, size: int) -> int:
    """Take out the runs that closed first until what is left takes at most ``size`` bytes; how many."""
    dropped = 0
    while (live := store.live_bytes()) > size:
        closed = store.sql("SELECT count(*) AS n FROM runs WHERE status <> 'running'")["n"][0].as_py()
        surplus = math.ceil(closed * (1 - size / live))
        step = _drop(store, "closed IS NOT NULL", max(1, min(surplus, RUNS_PER_STEP)))
        if not step:
            break  # what is left is open
        dropped += step
        store.checkpoint()  # only then are blocks free
    return dropped


def _drop(store: Store, where: str, limit: int) -> int:
    keys = ", ".join(schema.RUN_KEY)
    found = store.sql(f"SELECT {keys} FROM runs WHERE status <> 'running' AND {where} ORDER BY closed LIMIT {limit:d}")
    if found.num_rows:
        store.replace(found, dict.fromkeys(schema.TABLES, None))
    return int(found.num_rows)
