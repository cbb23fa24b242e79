"""What `durascope doctor` looks at: the packages here, the collector or store, Temporal. Each probe gives findings."""

import os
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from durascope_dashboard.analysis import diagnosis
from durascope_dashboard.analysis.diagnosis import Finding, Level
from durascope_dashboard.clock import micros_now
from durascope_dashboard.exceptions import DurascopeError, StoreUnavailable, UnknownQuery
from durascope_dashboard.store.location import Location

if TYPE_CHECKING:
    from durascope_dashboard.reader import Reader
    from durascope_dashboard.temporal.connection import TemporalConfig

LOOKED_AT = 1000
"""Newest runs that are judged."""
_WORKER_SIDE = ("temporalio", "temporalio-openai-agents", "openai-agents", "opentelemetry-sdk")


def examine(server: str | None, store: Location | None, temporal: "TemporalConfig") -> Iterator[Finding]:
    """All checks, one after the other, so that each can be shown as it is made."""
    yield from versions()
    yield from diagnosis.environment(os.environ)
    yield from own_prices()
    waiting: list[str] = []
    queues: list[tuple[str, str]] = []
    from durascope_dashboard.reader import connect

    try:
        reader = connect(server, store)
    except StoreUnavailable as error:
        yield _told("collector", error)
    else:
        try:
            yield from of_store(reader)
            queues, waiting = _task_queues(reader)
        finally:
            reader.close()
    yield from of_temporal(temporal, queues, waiting)


def _told(check: str, error: DurascopeError) -> Finding:
    """Our errors say what was found and, after a semicolon, what to do next."""
    found, _, step = str(error).partition("; ")
    return Finding(check, Level.FAILED, found, step)


def versions() -> Iterator[Finding]:
    """Installed packages against what Durascope was made for."""
    from packaging.requirements import Requirement

    wanted = {Requirement(text).name: Requirement(text).specifier for text in metadata.requires("durascope") or ()}
    wrong, shown = [], [f"durascope {metadata.version('durascope')}"]
    for name in _WORKER_SIDE:
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{name} is not installed")
            continue
        shown.append(f"{name} {found}")
        if name in wanted and not wanted[name].contains(found, prereleases=True):
            wrong.append(f"{name} is {found}, made for {wanted[name]}")
    if wrong:
        yield Finding("versions", Level.FAILED, "; ".join(wrong), "pip install --upgrade 'durascope[dashboard]'")
    else:
        yield Finding("versions", Level.OK, ", ".join(shown))


def own_prices() -> Iterator[Finding]:
    """The file of prices, if this shell names one."""
    from durascope_dashboard.analysis.own_prices import VARIABLE, read_prices

    path = os.environ.get(VARIABLE)
    if not path:
        return
    try:
        found = read_prices(Path(path))
    except DurascopeError as error:
        yield _told("own prices", error)
    else:
        yield Finding("own prices", Level.OK, f"{len(found)} models in {path}")


def of_store(reader: "Reader") -> Iterator[Finding]:
    """The collector, and what the newest runs in its store say about the telemetry."""
    try:
        yield from diagnosis.collector(reader.health())
        info = reader.query("store_info").to_pylist()[0]
        age = (micros_now() - info["newest"]) / 1000 if info["newest"] is not None else None
        yield _store(info, age)
        runs = reader.query("runs", limit=LOOKED_AT).to_pylist()
        workers = reader.query("workers").to_pylist()
    except DurascopeError as error:
        yield _told("store", error)
        return
    if not runs:
        return
    closed = [run for run in runs if run["status"] != "running"]
    yield from diagnosis.coverage(closed)
    yield from diagnosis.tokens([run for run in closed if run["models"] not in (None, "[]")])
    yield from _sources(reader, min(run["started"] for run in runs))
    yield diagnosis.clocks(workers)
    yield from diagnosis.builds(workers)


def _store(info: dict[str, Any], age_ms: float | None) -> Finding:
    from durascope_dashboard import units

    if not info["runs"]:
        step = "run a workflow, or read those that ran: durascope backfill, durascope import"
        return Finding("store", Level.WARNING, f"{info['path']} holds no runs yet", step)
    found = f"{info['runs']:,} runs, {units.bytes_(info['bytes'])}, the newest started {units.duration(age_ms)} ago"
    return Finding("store", Level.OK, found)


def _sources(reader: "Reader", since: int) -> Iterator[Finding]:
    try:
        yield diagnosis.sources(reader.query("span_sources", since=since).to_pylist())
    except UnknownQuery:
        yield Finding("token sources", Level.UNKNOWN, "the collector is of an older version", "restart it")


def _task_queues(reader: "Reader") -> tuple[list[tuple[str, str]], list[str]]:
    """(namespace, task queue) of the newest runs, and the queues that open ones wait for."""
    try:
        rows = reader.query("runs", limit=LOOKED_AT).to_pylist()
    except DurascopeError:
        return [], []  # already told
    named = [row for row in rows if row["task_queue"]]
    return (
        list(dict.fromkeys((row["namespace"], row["task_queue"]) for row in named)),
        [row["task_queue"] for row in named if row["status"] == "running"],
    )


def of_temporal(
    config: "TemporalConfig", task_queues: Sequence[tuple[str, str]], waiting: Sequence[str]
) -> Iterator[Finding]:
    """Whether Temporal answers, and who polls the task queues."""
    from durascope_dashboard.temporal_view import look

    try:
        seen = look(task_queues, config)
    except DurascopeError as error:
        yield _told("temporal", error)
        return
    refused = [note for note in seen.notes if "NAMESPACE" in note.upper() and "not found" in note.lower()]
    if refused:
        yield Finding(
            "temporal", Level.FAILED, f"{seen.address}: {refused[0]}", "name an existing one with --namespace"
        )
        return
    yield Finding("temporal", Level.OK, f"{seen.address} answers, {len(seen.workers)} workers send heartbeats")
    yield diagnosis.queues(seen.queues, waiting)
