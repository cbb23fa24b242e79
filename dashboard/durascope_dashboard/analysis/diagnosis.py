"""What `durascope doctor` makes of what it found: one finding a check, with what to do. Pure.

ok: as it should be; warning: the numbers are right but incomplete; failed: something does not work; unknown: could not
be looked at.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from durascope_dashboard import units

Row = Mapping[str, Any]

LAG_S: Final = 5.0
SKEW_MS: Final = 200.0
OWN_SCOPE: Final = "durascope"


class Level(StrEnum):
    """How a check went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was found, and what to do next (empty if nothing)."""

    check: str
    level: Level
    found: str
    next_step: str = ""


def worst(findings: Iterable[Finding]) -> Level:
    """The worst level among them; a check that could not be made does not count."""
    order = (Level.OK, Level.WARNING, Level.FAILED)
    return max((f.level for f in findings if f.level in order), key=order.index, default=Level.OK)


def collector(health: Mapping[str, Any]) -> list[Finding]:
    """From what /healthz says, or a store that is read without a collector."""
    if health.get("collector") is False:
        step = "start one: durascope collect (or durascope up)"
        return [Finding("collector", Level.WARNING, f"none answers; read from the store {health.get('store')}", step)]
    return [_ingest(health), _follower(health.get("history") or {"state": "off"})]


def _ingest(health: Mapping[str, Any]) -> Finding:
    lag = float(health.get("ingest_lag_s") or 0)
    lost = {name: int(health.get(name) or 0) for name in ("refused", "failed_commits", "rollup_errors")}
    bad = [f"{count} {name.replace('_', ' ')}" for name, count in lost.items() if count]
    found = ", ".join([f"{health.get('status')}, {units.duration(lag * 1000)} behind", *bad])
    if health.get("status") != "ready":
        return Finding("collector", Level.FAILED, found, "wait until it is ready, or look at its log")
    if bad or lag > LAG_S:
        return Finding("collector", Level.WARNING, found, "look at its log; senders repeat what was refused")
    return Finding("collector", Level.OK, found)


def _follower(history: Mapping[str, Any]) -> Finding:
    state, lag = str(history.get("state")), history.get("lag_s")
    if state == "off":
        step = "run the collector without --no-history: outcomes, timeouts and missing attempts come from there"
        return Finding("history", Level.WARNING, "the collector does not follow Temporal", step)
    if state == "down" or history.get("error"):
        step = "check --temporal, --namespace and the TEMPORAL_* settings of the collector"
        return Finding("history", Level.FAILED, f"{state}: {history.get('error') or 'Temporal does not answer'}", step)
    found = f"{state}, {history.get('open_runs') or 0} open runs"
    if lag is not None and lag > LAG_S:
        return Finding(
            "history",
            Level.WARNING,
            f"{found}, {units.duration(lag * 1000)} behind",
            "wait, or follow fewer namespaces",
        )
    return Finding("history", Level.OK, found)


def coverage(runs: Sequence[Row]) -> list[Finding]:
    """Where workers lack the plugin, or spans get lost. ``runs``: rows of closed runs."""
    expected = [run for run in runs if (run["history_attempts"] or 0) > 0]
    if not expected:
        return [
            Finding("telemetry", Level.UNKNOWN, "no closed run with activities yet", "run a workflow, then ask again")
        ]
    total, missing = (sum(run[name] or 0 for run in expected) for name in ("history_attempts", "reconstructed"))
    blind = {run["task_queue"] for run in expected if not run["span_attempts"]}
    seen = {run["task_queue"] for run in expected if run["span_attempts"]}
    found = f"{total - missing:,} of {total:,} attempts of {len(expected):,} closed runs were seen by workers"
    if not missing:
        return [Finding("telemetry", Level.OK, found), *_strays(runs)]
    if never := sorted(str(name) for name in blind - seen):
        step = "add DurascopePlugin() to their workers, and point OTEL_EXPORTER_OTLP_ENDPOINT at the collector"
        return [
            Finding("telemetry", Level.WARNING, f"{found}; none on task queue {_some(never)}", step),
            *_strays(runs),
        ]
    step = ("a killed worker takes what it had not sent with it; if none was: are all workers instrumented, "
            "is OTEL_TRACES_SAMPLER unset, was the collector reachable all the time?")  # fmt: skip
    gaps = sorted(str(run["workflow_id"]) for run in expected if run["reconstructed"])
    return [Finding("telemetry", Level.WARNING, f"{found}; {missing:,} not, of {_some(gaps)}", step), *_strays(runs)]


def _strays(runs: Sequence[Row]) -> list[Finding]:
    orphans = sum(run["orphan_spans"] or 0 for run in runs)
    if not orphans:
        return []
    step = "their parents were not received: is every process of a run sending here, unsampled?"
    return [Finding("orphan spans", Level.WARNING, f"{orphans:,} spans of closed runs fit nowhere", step)]


def sources(rows: Sequence[Row]) -> Finding:
    """Whether several instrumentations tell of the same model calls. ``rows``: of the query ``span_sources``."""
    telling = sorted({str(row["scope"] or "unnamed") for row in rows if row["with_tokens"]})
    if len(telling) > 1:
        step = ("Durascope counts each call once; a backend that adds up spans does not: keep one of them "
                "(for OpenAIAgentsPlugin: leave use_otel_instrumentation off)")  # fmt: skip
        return Finding("token sources", Level.WARNING, f"spans with tokens come from {_some(telling)}", step)
    return Finding(
        "token sources", Level.OK, f"spans with tokens come from {_some(telling)}" if telling else "history alone"
    )


def tokens(runs: Sequence[Row]) -> list[Finding]:
    """Usage that nobody saw though the calls succeeded, and models without a price."""
    found = []
    dark = [run for run in runs if (run["unknown_attempts"] or 0) and not (run["billed_input"] or 0)]
    if dark:
        step = (
            "if payloads are encrypted, run the collector with --codec-endpoint; if the model streams, "
            "ask the provider for usage (stream_options.include_usage)"
        )
        found.append(
            Finding(
                "tokens",
                Level.WARNING,
                f"no usage at all in {len(dark):,} of {len(runs):,} runs with model calls",
                step,
            )
        )
    unpriced = sorted({name for run in runs for name in names(run.get("unpriced_models"))})
    if unpriced:
        step = "name their price in the file DURASCOPE_PRICES (see docs/numbers.md); until then their cost is unknown"
        found.append(Finding("prices", Level.WARNING, f"no price is known for {_some(unpriced)}", step))
    unknown = sum(run["unknown_attempts"] or 0 for run in runs)
    if unknown and not found:
        told = f"prices are known; the usage of {unknown:,} attempts that failed, were lost or said nothing is not"
        return [Finding("tokens", Level.OK, told)]
    return found or [Finding("tokens", Level.OK, "usage and prices are known")]


def names(text: Any) -> list[str]:
    """A JSON array of names."""
    import json

    return [str(name) for name in json.loads(text)] if isinstance(text, str) and text else []


def clocks(workers: Sequence[Row]) -> Finding:
    """Workers whose clock differs from the server's. ``workers``: rows of that query."""
    known = [row for row in workers if row["skew_p50_ms"] is not None]
    if not known:
        return Finding("clocks", Level.UNKNOWN, "no attempt was seen from both sides yet")
    furthest = max(known, key=lambda row: abs(row["skew_p50_ms"]))
    found = f"{units.duration(abs(furthest['skew_p50_ms']))} apart at most, of {len(known)} workers"
    if abs(furthest["skew_p50_ms"]) <= SKEW_MS:
        return Finding("clocks", Level.OK, found)
    step = "synchronise its clock (NTP); its queue and run times are off by as much"
    return Finding("clocks", Level.WARNING, f"{found}: {furthest['worker']}", step)


def builds(workers: Sequence[Row]) -> list[Finding]:
    """Task queues that several builds serve at once."""
    by_queue: dict[str, set[str]] = {}
    for row in workers:
        if row["build_id"]:
            by_queue.setdefault(str(row["task_queue"]), set()).add(str(row["build_id"]))
    mixed = [f"{queue} ({_some(sorted(found))})" for queue, found in sorted(by_queue.items()) if len(found) > 1]
    if not mixed:
        return []
    step = "expected while a version rolls out; else stop the old workers"
    return [Finding("builds", Level.WARNING, f"different builds serve {_some(mixed)}", step)]


def queues(rows: Sequence[Row], waiting: Iterable[str]) -> Finding:
    """Task queues that nobody polls. ``rows``: as Temporal describes them; ``waiting``: those that open runs use."""
    wanted = set(waiting)
    polled = {row["task_queue"] for row in rows if row["pollers"]}
    deserted = sorted(str(name) for name in {row["task_queue"] for row in rows} - polled if name in wanted)
    backlog = sorted(
        f"{row['task_queue']} ({row['backlog']} {row['kind']} tasks)"
        for row in rows
        if row["backlog"] and not row["pollers"]
    )
    if deserted or backlog:
        step = "start a worker for it; until then its runs wait"
        return Finding("task queues", Level.FAILED, f"nobody polls {_some(backlog or deserted)}", step)
    slow = [row for row in rows if row["backlog_age_ms"] > 10_000]
    if slow:
        worst_ = max(slow, key=lambda row: float(row["backlog_age_ms"]))
        waited = units.duration(worst_["backlog_age_ms"])
        step = "more workers or more slots: its oldest task waits longer than 10 s"
        return Finding("task queues", Level.WARNING, f"{worst_['task_queue']}: a task has waited {waited}", step)
    return Finding("task queues", Level.OK, f"{len(polled)} are polled" if rows else "none is known yet")


def environment(variables: Mapping[str, str]) -> list[Finding]:
    """Settings of OpenTelemetry that lose spans: of this shell, which may be the workers' or not."""
    found = []
    if variables.get("OTEL_SDK_DISABLED", "").lower() == "true":
        found.append(
            Finding("OTEL_SDK_DISABLED", Level.FAILED, "OpenTelemetry is switched off", "unset OTEL_SDK_DISABLED")
        )
    sampler = variables.get("OTEL_TRACES_SAMPLER", "parentbased_always_on")
    if sampler not in ("always_on", "parentbased_always_on"):
        argument = variables.get("OTEL_TRACES_SAMPLER_ARG")
        step = (
            "unset it for workers and sample behind the collector, else attempts are missing and called reconstructed"
        )
        found.append(
            Finding(
                "sampling", Level.WARNING, f"OTEL_TRACES_SAMPLER={sampler}{f' ({argument})' if argument else ''}", step
            )
        )
    if variables.get("OTEL_TRACES_EXPORTER", "otlp") not in ("otlp", ""):
        found.append(Finding("OTEL_TRACES_EXPORTER", Level.WARNING, f"is {variables['OTEL_TRACES_EXPORTER']!r}",
                             "unset it, so that workers send OTLP"))  # fmt: skip
    return found or [Finding("sampling", Level.OK, "every span is kept, as far as this shell's settings say")]


def _some(values: Sequence[str], most: int = 4) -> str:
    shown = ", ".join(values[:most])
    return shown if len(values) <= most else f"{shown} and {len(values) - most} more"
