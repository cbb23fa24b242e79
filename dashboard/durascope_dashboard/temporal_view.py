"""What Temporal itself says of workers and task queues, asked for when the Workers page is open.

Nothing of it is stored: pollers, slots, backlog and sticky cache are true of this moment only.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from temporalio.api.enums.v1 import TaskQueueType, WorkerStatus
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.worker.v1 import WorkerHeartbeat, WorkerSlotsInfo
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, ListWorkersRequest
from temporalio.service import RPCError, RPCStatusCode

from durascope_dashboard.exceptions import TemporalUnavailable
from durascope_dashboard.temporal.connection import Connection, TemporalConfig, connect

TIMEOUT_S: Final = 4.0
MOST_QUEUES: Final = 40
PAGE: Final = 500
_TYPES: Final = {
    "workflow": TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    "activity": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
}
Row = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """``workers`` and ``queues`` as rows; ``notes`` are sentences about what could not be read."""

    address: str
    workers: list[Row]
    queues: list[Row]
    notes: tuple[str, ...] = ()


def look(task_queues: Sequence[tuple[str, str]], config: TemporalConfig | None = None) -> Seen:
    """Ask the server about its workers and these (namespace, task queue)s. Raises TemporalUnavailable, UsageError."""
    return asyncio.run(_look(task_queues, config))


async def _look(task_queues: Sequence[tuple[str, str]], config: TemporalConfig | None) -> Seen:
    try:
        connection = await asyncio.wait_for(connect(config), TIMEOUT_S)
    except TimeoutError as error:
        raise TemporalUnavailable(
            f"no Temporal server answered within {TIMEOUT_S:.0f} s; set TEMPORAL_ADDRESS for the dashboard"
        ) from error
    names = list(dict.fromkeys([*connection.namespaces, *(namespace for namespace, _ in task_queues)]))
    notes: list[str] = []
    found = await asyncio.gather(*(_workers(connection, name, notes) for name in names))
    workers = [row for rows in found for row in rows]
    own = [(row["namespace"], row["task_queue"]) for row in workers if row["task_queue"]]
    wanted = list(dict.fromkeys([*task_queues, *own]))
    if len(wanted) > MOST_QUEUES:
        notes.append(f"{len(wanted)} task queues are known; the first {MOST_QUEUES} are shown.")
    asked = [_queue(connection, *queue, kind, notes) for queue in wanted[:MOST_QUEUES] for kind in _TYPES]
    queues = [row for row in await asyncio.gather(*asked) if row is not None]
    return Seen(connection.address, workers, queues, tuple(dict.fromkeys(notes)))


async def _workers(connection: Connection, namespace: str, notes: list[str]) -> list[Row]:
    rows: list[Row] = []
    token = b""
    while True:
        request = ListWorkersRequest(namespace=namespace, page_size=PAGE, next_page_token=token)
        try:
            answer = await connection.client.workflow_service.list_workers(request, timeout=_timeout())
        except RPCError as error:
            notes.append(_refusal(f"The workers of namespace {namespace} cannot be listed", error))
            return rows
        rows += [_worker(namespace, info.worker_heartbeat) for info in answer.workers_info]
        token = answer.next_page_token
        if not token or len(rows) >= 10 * PAGE:
            return rows


def _timeout() -> Any:
    from datetime import timedelta

    return timedelta(seconds=TIMEOUT_S)


def _refusal(what: str, error: RPCError) -> str:
    if error.status == RPCStatusCode.UNIMPLEMENTED:
        return f"{what}: this Temporal server does not know the call; it needs server 1.29 or later."
    return f"{what}: {error.message or error.status.name.lower()}."


def slots(info: WorkerSlotsInfo) -> tuple[int | None, int | None]:
    """Slots in use, and all of them; unknown while a worker's first heartbeat has counted none."""
    whole = info.current_used_slots + info.current_available_slots
    return (info.current_used_slots, whole) if whole else (None, None)


def _worker(namespace: str, beat: WorkerHeartbeat) -> Row:
    workflow, activity = slots(beat.workflow_task_slots_info), slots(beat.activity_task_slots_info)
    hits, misses = beat.total_sticky_cache_hit, beat.total_sticky_cache_miss
    status = WorkerStatus.Name(beat.status).removeprefix("WORKER_STATUS_").lower().replace("_", " ")
    return {
        "namespace": namespace, "worker": beat.worker_identity, "task_queue": beat.task_queue, "status": status,
        "host": beat.host_info.host_name, "sdk": f"{beat.sdk_name} {beat.sdk_version}".strip(),
        "build": beat.deployment_version.build_id or None,
        "deployment": beat.deployment_version.deployment_name or None,
        "workflow_pollers": beat.workflow_poller_info.current_pollers
        + beat.workflow_sticky_poller_info.current_pollers,
        "activity_pollers": beat.activity_poller_info.current_pollers,
        "workflow_used": workflow[0], "workflow_slots": workflow[1],
        "activity_used": activity[0], "activity_slots": activity[1],
        "sticky_size": beat.current_sticky_cache_size,
        "sticky_hit_share": hits / (hits + misses) if hits + misses else None,
        "cpu": beat.host_info.current_host_cpu_usage, "memory": beat.host_info.current_host_mem_usage,
        "started": _micros(beat.start_time), "heartbeat": _micros(beat.heartbeat_time),
    }  # fmt: skip


def _micros(timestamp: Any) -> int | None:
    return int(timestamp.ToMicroseconds()) or None


async def _queue(connection: Connection, namespace: str, name: str, kind: str, notes: list[str]) -> Row | None:
    request = DescribeTaskQueueRequest(
        namespace=namespace, task_queue=TaskQueue(name=name), task_queue_type=_TYPES[kind], report_stats=True
    )
    try:
        answer = await connection.client.workflow_service.describe_task_queue(request, timeout=_timeout())
    except RPCError as error:
        notes.append(_refusal(f"The task queue {name} cannot be described", error))
        return None
    stats = answer.stats
    return {
        "namespace": namespace, "task_queue": name, "kind": kind, "pollers": len(answer.pollers),
        "last_poll": max((_micros(p.last_access_time) or 0 for p in answer.pollers), default=0) or None,
        "backlog": stats.approximate_backlog_count, "backlog_age_ms": stats.approximate_backlog_age.ToMilliseconds(),
        "add_rate": stats.tasks_add_rate, "dispatch_rate": stats.tasks_dispatch_rate,
        "versions": _versions(p.deployment_options.build_id for p in answer.pollers),
    }  # fmt: skip


def _versions(builds: Iterable[str]) -> str | None:
    return ", ".join(sorted({build for build in builds if build})) or None
