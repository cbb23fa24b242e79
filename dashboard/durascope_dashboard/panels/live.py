"""What an open run is doing at this moment: each pending operation with this attempt's own clock, its last error and,
if it waits for a retry, the countdown.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from durascope_dashboard import units
from durascope_dashboard.data import Row
from durascope_dashboard.panels import markup

SHOWN = 6
_COLUMNS = ("Now", "attempt", "this attempt", "since scheduled", "state", "last error", "heartbeat")
QUIET_MS = 60_000.0


@dataclass(frozen=True)
class Pending:
    """An operation that is not closed; times in ms."""

    name: str
    attempt: str
    clock: float | None
    total: float
    state: str
    error: str
    heartbeat: str

    @property
    def cells(self) -> list[str]:
        """As the table shows it."""
        return [self.name, self.attempt, units.duration(self.clock), units.duration(self.total), self.state,
                self.error, self.heartbeat]  # fmt: skip


def draw(run: Row, operations: list[Row], attempts: list[Row], now: int) -> None:
    """The table of what is pending; nothing for a closed run."""
    if run["closed"] is not None:
        return
    found = sorted(pending(operations, attempts, now), key=lambda row: -row.total)
    if not found:
        markup.html(markup.note("Nothing is pending: the workflow itself is at work, or waits for its worker."))
        return
    rest = f"and {len(found) - SHOWN} more pending operations" if len(found) > SHOWN else ""
    markup.html(
        markup.table(_COLUMNS, [row.cells for row in found[:SHOWN]], right=(1, 2, 3))
        + (markup.note(rest) if rest else "")
    )


def pending(operations: list[Row], attempts: list[Row], now: int) -> Iterator[Pending]:
    """The open operations; ``now`` in µs."""
    by_operation: dict[str, list[Row]] = {}
    for row in attempts:
        by_operation.setdefault(row["operation_id"], []).append(row)
    for operation in operations:
        if operation["closed"] is None and operation["status"] in ("running", "pending"):
            tries = sorted(by_operation.get(operation["operation_id"], []), key=lambda row: int(row["attempt"]))
            yield _one(operation, tries, now)


def _one(operation: Row, tries: list[Row], now: int) -> Pending:
    total = max(0, now - operation["scheduled"]) / 1000
    name = operation["model"] if operation["kind"] == "model" else operation["name"]
    label = str(name or operation["kind"]) + (f" ({operation['agent']})" if operation["agent"] else "")
    if not tries:
        return Pending(label, "", None, total, _WAITING.get(operation["kind"], "in progress"), "", "")
    last = tries[-1]
    errors = [row["error_type"] or row["error_message"] for row in tries if row["error_type"] or row["error_message"]]
    since = last["started"] if last["started"] is not None else last["queued"]
    begun = last["status"] in ("running", "pending") and since is not None and since <= now  # else its queue comes
    state, following = _state(last, now)
    number = int(last["attempt"]) + following
    limit = operation["max_attempts"]
    return Pending(
        label, f"{number} of {limit or '∞'}", (now - since) / 1000 if begun else None, total,
        state, str(errors[-1]) if errors else "", _heartbeat(last, now),
    )  # fmt: skip


_WAITING = {
    "human_wait": "waits for somebody outside", "timer": "waits for its timer", "update": "update in progress",
    "child": "child workflow is running", "nexus": "Nexus operation is running",
}  # fmt: skip


def _state(last: Row, now: int) -> tuple[str, int]:
    """In words, and by how much the attempt that is next lies after the last one."""
    if last["paused"]:
        return "paused by an operator: nothing happens until it is unpaused", 0
    if last["status"] == "running":
        return f"running on {last['worker']}" if last["worker"] else "running", 0
    ended = last["ended"] is not None
    waits = last["next_retry"] if last["next_retry"] is not None else last["queued"]
    if waits is not None and waits > now:
        by = ", as the server asked" if last["retry_by"] == "server" else ""
        return f"next retry in {units.duration((waits - now) / 1000)}{by}", int(ended)
    waited = f" for {units.duration((now - waits) / 1000)}" if waits is not None else ""
    return f"waits{waited} for a worker of task queue {last['task_queue'] or '?'}", int(ended)


def _heartbeat(last: Row, now: int) -> str:
    if last["last_heartbeat"] is None:
        return ""
    quiet = " (quiet)" if now - last["last_heartbeat"] > QUIET_MS * 1000 else ""
    return units.ago(last["last_heartbeat"], now) + quiet
