"""Which runs to export, and reading them in batches: memory does not grow with their number."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from durascope_dashboard.export.selection import Selection
from durascope_dashboard.lookup import find_run
from durascope_dashboard.reader import Reader
from durascope_dashboard.store.queries.runs import cursor_after

BATCH = 100


@dataclass(frozen=True)
class Wanted:
    """Runs to export; nothing given means every run. ``run_id``: which run of each workflow id.

    ``where`` is the filter language of ``durascope runs``.
    """

    workflow_ids: tuple[str, ...] = ()
    run_id: str | None = None
    namespace: str | None = None
    where: str | None = None
    status: tuple[str, ...] = ()
    workflow_type: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    limit: int | None = None

    @property
    def everything(self) -> bool:
        """Whether nothing narrows it down."""
        return self == Wanted()


def total(reader: Reader, wanted: Wanted) -> int | None:
    """How many runs will come, where that is known beforehand; for the progress bar only."""
    if wanted.workflow_ids:
        return len(wanted.workflow_ids)
    if wanted.everything:
        return int(reader.query("store_info")["runs"][0].as_py())
    return wanted.limit


def batches(reader: Reader, wanted: Wanted, size: int = BATCH) -> Iterator[Selection]:
    """Runs, newest first, ``size`` at a time, each with everything in it. Raises NotFound for a run named in vain."""
    for runs in _named(reader, wanted) if wanted.workflow_ids else _pages(reader, wanted, size):
        yield complete(reader, runs)


def complete(reader: Reader, runs: pa.Table) -> Selection:
    """The rows of ``runs`` with their operations, attempts and spans."""
    ids = runs["run_id"].to_pylist()
    parts = {part: reader.query(f"export_{part}", run_id=ids) for part in ("operations", "attempts", "spans")}
    return Selection(runs=runs, **parts)


def _named(reader: Reader, wanted: Wanted) -> Iterator[pa.Table]:
    for workflow_id in wanted.workflow_ids:
        yield find_run(reader, workflow_id, wanted.run_id, wanted.namespace)


def _pages(reader: Reader, wanted: Wanted, size: int) -> Iterator[pa.Table]:
    given: dict[str, Any] = {
        "where": wanted.where, "status": list(wanted.status), "workflow_type": list(wanted.workflow_type),
        "since": wanted.since, "until": wanted.until, "namespace": [wanted.namespace] if wanted.namespace else None,
    }  # fmt: skip
    filters = {name: value for name, value in given.items() if value}
    cursor, left = None, wanted.limit
    while left is None or left > 0:
        limit = size if left is None else min(size, left)
        runs = reader.query("runs", limit=limit, cursor=cursor, **filters)
        if runs.num_rows:
            yield runs
        if runs.num_rows < limit:
            return
        last = runs.slice(runs.num_rows - 1).to_pylist()[0]
        cursor = cursor_after(last)
        left = None if left is None else left - runs.num_rows
