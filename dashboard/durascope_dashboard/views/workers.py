"""The Workers page: who runs the work, as their attempts show it and as Temporal sees them at this moment."""

import os
from typing import Final

import pandas as pd
import streamlit as st

from durascope_dashboard import data, temporal_view, units
from durascope_dashboard.exceptions import DurascopeError
from durascope_dashboard.panels import again, grid, markup, period, states
from durascope_dashboard.panels.grid import Column
from durascope_dashboard.panels.period import Period
from durascope_dashboard.panels.plain import plain

FRESH_S: Final = 5.0
LIVE_S: Final = 10.0
SEEN: Final = {
    "value": Column("Worker", width=240),
    "task_queue": Column("Task queue", width=170),
    "build_id": Column("Newest build", "id", width=120),
    "builds": Column("Builds", "exact", "Different builds in this period: more than one while a version rolls out"),
    "attempts": Column("Attempts", "exact"),
    "failed": Column("Failed", "exact"),
    "rate": Column("Failure rate", "share"),
    "lost": Column("Lost", "exact", "Attempts that it started and never ended"),
    "running": Column("Running", "exact"),
    "queue_p95_ms": Column("Queue p95", "ms"),
    "run_p95_ms": Column("Run p95", "ms"),
    "busy_ms": Column("Busy", "ms", "Run time of all its attempts"),
    "last_seen": Column("Last attempt (UTC)", "moment", width=125),
}
WORKERS: Final = {
    "worker": Column("Worker", width=140),
    "task_queue": Column("Task queue", width=170),
    "status": Column("Status", width=75),
    "activity_slots_used": Column("Activity slots", help="In use, of all; and how many poll for more", width=140),
    "workflow_slots_used": Column("Workflow slots", help="In use, of all; and how many poll for more", width=150),
    "sticky": Column("Sticky cache", help="Workflows kept in memory; tasks that found theirs there", width=95),
    "cpu": Column("CPU", "share", "Of the host", width=55),
    "memory": Column("Memory", "share", "Of the host", width=68),
    "build": Column("Build", "id", width=95),
    "sdk": Column("SDK", width=100),
    "heartbeat": Column("Heartbeat (UTC)", "moment", width=118),
}
QUEUES: Final = {
    "task_queue": Column("Task queue", width=200),
    "kind": Column("Kind", width=90),
    "pollers": Column("Pollers", "exact"),
    "backlog": Column("Backlog", "exact", "Tasks that wait for a worker, about"),
    "backlog_age_ms": Column("Oldest waits", "ms"),
    "add_rate": Column("Added /s", "rate"),
    "dispatch_rate": Column("Dispatched /s", "rate"),
    "versions": Column("Builds that poll", width=160),
    "last_poll": Column("Last poll (UTC)", "moment", width=125),
    "namespace": Column("Namespace", width=110),
}


def page() -> None:
    """Draw the page."""
    st.markdown("### Workers")
    with states.guarded():
        stretch = period.bar(types=False)
        found = data.query("workers", **stretch.span())
        again.every(LIVE_S, _now, key="workers_now")(_task_queues(found))
        _seen(found, stretch)


def _task_queues(found: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    namespace = os.environ.get("TEMPORAL_NAMESPACE", "default")
    return tuple((namespace, str(name)) for name in sorted(set(found["task_queue"].dropna())))


@st.cache_data(ttl=FRESH_S, max_entries=20, show_spinner=False)
def _look(task_queues: tuple[tuple[str, str], ...]) -> temporal_view.Seen:
    return temporal_view.look(task_queues)


def _now(task_queues: tuple[tuple[str, str], ...]) -> None:
    st.markdown("###### Now, as Temporal sees it")
    try:
        seen = _look(task_queues)
    except DurascopeError as error:
        not_connected(error)
        return
    st.caption(f"Asked at {plain(units.moment(data.now()))}")
    for note in seen.notes:
        markup.html(markup.note(note))
    _warn(seen)
    if seen.queues:
        queues = pd.DataFrame(seen.queues)
        versioned = queues["versions"].astype(bool).any()  # most fleets poll without a build
        told = {name: column for name, column in QUEUES.items() if name != "versions" or versioned}
        grid.draw(queues, told, key="queues", alt="Task queues: pollers and backlog", rows=16)
    if seen.workers:
        frame = pd.DataFrame(seen.workers).sort_values(["task_queue", "worker"])
        for kind in ("activity", "workflow"):
            counts = [f"{kind}_used", f"{kind}_slots"]
            frame[counts] = frame[counts].astype("Int64")  # unknown beside numbers would make them fractions
            parts = zip(*(frame[f"{kind}_{name}"] for name in ("used", "slots", "pollers")), strict=True)
            frame[f"{kind}_slots_used"] = [slots_in_words(*part) for part in parts]
        frame["sdk"] = [str(sdk).removeprefix("temporal-") for sdk in frame["sdk"]]
        hits = zip(frame["sticky_size"], frame["sticky_hit_share"], strict=True)
        frame["sticky"] = [
            f"{size:,}" + (f" · {units.percent(hit, 1)}" if units.known(hit) else "") for size, hit in hits
        ]
        grid.draw(frame, WORKERS, key="temporal_workers", alt="Workers: slots, pollers, sticky cache", rows=10)
    elif not seen.notes:
        markup.html(markup.note("No worker has sent a heartbeat: none runs, or its SDK is too old to send one."))


def slots_in_words(used: int | None, slots: int | None, pollers: int) -> str:
    """``3 of 10, 5 pollers``."""
    return f"{used} of {slots}, {units.many(pollers, 'poller')}" if units.known(slots) else units.UNKNOWN


def not_connected(error: DurascopeError) -> None:
    """Temporal is not there; what the store knows is shown below all the same."""
    states.explain(
        "Temporal is not connected",
        f"{error}. Pollers, slots and backlog are known to Temporal only; below is what the attempts show.",
        command="TEMPORAL_ADDRESS=localhost:7233 durascope dashboard",
    )


def starved(queues: list[temporal_view.Row]) -> list[str]:
    """Sentences about task queues that cannot keep up."""
    found = []
    for row in queues:
        if row["backlog"] and not row["pollers"]:
            found.append(f"{row['backlog']:,} {row['kind']} tasks wait on {row['task_queue']}, and nobody polls it.")
        elif row["backlog"] and row["backlog_age_ms"] > 5000:
            age = units.duration(row["backlog_age_ms"])
            found.append(
                f"The oldest {row['kind']} task on {row['task_queue']} has waited {age}; add workers or slots."
            )
    return found


def full(workers: list[temporal_view.Row]) -> list[str]:
    """Sentences about workers without a free slot."""
    return [
        f"{row['worker']} uses all of its {row['activity_slots']} activity slots on {row['task_queue']}."
        for row in workers
        if row["activity_slots"] and row["activity_used"] >= row["activity_slots"]
    ]


def _warn(seen: temporal_view.Seen) -> None:
    for sentence in [*starved(seen.queues), *full(seen.workers)]:
        with st.container(border=True):
            markup.html(markup.note(f"⚠ {sentence}"))


def _seen(found: pd.DataFrame, stretch: Period) -> None:
    st.markdown("###### As their attempts show it")
    if found.empty:
        period.nothing(stretch, "attempts with a known worker")
        return
    shown = found.assign(rate=found["failed"] / found["attempts"], value=found["worker"])
    grid.draw(shown, SEEN, key="workers", alt="Workers by their attempts", rows=12, runs_with="worker")
