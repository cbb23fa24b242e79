"""Whether a trace, as some other tool gives it back, says the same as `durascope show`. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from durascope import conventions as c

TOLERANCE_US = 1000  # some tools keep milliseconds


@dataclass(frozen=True)
class Span:
    """A span as read back: ids in hex, times in microseconds, ``status`` ok | error | unset."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    start: int
    end: int
    status: str
    attributes: Mapping[str, Any]


def differences(spans: Iterable[Span], shown: Mapping[str, Any]) -> list[str]:
    """What does not agree, a sentence each: the run, every attempt of every activity, tokens, orphans, duplicates."""
    found = [span for span in spans if span.attributes.get(c.RUN_ID) == shown["run_id"]]
    problems = _identities(found, shown)
    attempts = {_key(span): span for span in found if span.attributes.get(c.KIND) == c.SPAN_ATTEMPT}
    wanted = {
        (operation["activity_id"], attempt["attempt"]): attempt
        for operation in shown["operations"] for attempt in operation["attempts"] if operation["activity_id"]
    }  # fmt: skip
    if attempts.keys() != wanted.keys():
        problems.append(f"attempts differ: {sorted(attempts.keys() ^ wanted.keys())}")
    for key in attempts.keys() & wanted.keys():
        problems += _attempt(key, attempts[key], wanted[key])
    return problems + _tokens(found, shown)


def _key(span: Span) -> tuple[str, int]:
    return str(span.attributes[c.ACTIVITY_ID]), int(span.attributes[c.ATTEMPT])


def _identities(spans: list[Span], shown: Mapping[str, Any]) -> list[str]:
    ids = [span.span_id for span in spans]
    runs = [span for span in spans if span.attributes.get(c.KIND) == c.SPAN_WORKFLOW]
    problems = [] if len(runs) == 1 else [f"{len(runs)} run spans instead of one"]
    if len(set(ids)) != len(ids):
        problems.append(f"{len(ids) - len(set(ids))} spans are there twice")
    orphans = {span.name for span in spans if span.parent_id and span.parent_id not in ids and span not in runs}
    if orphans:
        problems.append(f"spans without their parent: {sorted(orphans)}")
    if {span.trace_id for span in spans} != {shown["trace_id"]}:
        problems.append(f"trace ids {sorted({span.trace_id for span in spans})} instead of {shown['trace_id']}")
    return problems


def _attempt(key: tuple[str, int], span: Span, wanted: Mapping[str, Any]) -> list[str]:
    problems = []
    if span.attributes.get(c.OUTCOME) != wanted["status"]:
        problems.append(f"attempt {key} is {span.attributes.get(c.OUTCOME)}, not {wanted['status']}")
    if (span.status == "error") != (wanted["status"] in ("error", "timeout", "lost")):
        problems.append(f"attempt {key} has span status {span.status} for {wanted['status']}")
    return problems + [f"attempt {key} {problem}" for problem in _times(span, wanted)]


def _times(span: Span, wanted: Mapping[str, Any]) -> list[str]:
    """`show` has the server's clock where history has, a worker's span the worker's: it lies within the server's."""
    if wanted["started"] is None or wanted["ended"] is None:
        return []  # an attempt that history only implies
    started, ended = _micros(wanted["started"]), _micros(wanted["ended"])
    told = int(span.attributes.get(c.STARTED_TIME) or span.start * 1000) // 1000
    problems = [] if abs(told - started) <= TOLERANCE_US else [f"started at {told}, not {started}"]
    exact = abs(span.start - started) <= TOLERANCE_US and abs(span.end - ended) <= TOLERANCE_US
    within = started - TOLERANCE_US <= span.start and span.end <= ended + TOLERANCE_US
    if not (exact or within):
        problems.append(f"ran from {span.start} to {span.end}, not from {started} to {ended}")
    return problems


def _tokens(spans: list[Span], shown: Mapping[str, Any]) -> list[str]:
    names = {"input": c.GEN_AI_INPUT_TOKENS, "output": c.GEN_AI_OUTPUT_TOKENS}
    found = {kind: sum(int(s.attributes.get(name) or 0) for s in spans) for kind, name in names.items()}
    billed = {kind: shown["tokens"]["billed"][kind] for kind in names}
    return [] if found == billed else [f"tokens {found} instead of {billed}"]


def _micros(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1e6)


def from_otlp(resource_spans: Iterable[Any]) -> list[Span]:
    """From OTLP messages."""
    spans = [span for resource in resource_spans for scope in resource.scope_spans for span in scope.spans]
    return [
        Span(
            span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex() or None, span.name,
            span.start_time_unix_nano // 1000, span.end_time_unix_nano // 1000,
            {1: "ok", 2: "error"}.get(span.status.code, "unset"),
            {pair.key: _value(pair.value) for pair in span.attributes},
        )
        for span in spans
    ]  # fmt: skip


def from_rows(rows: Iterable[Mapping[str, Any]]) -> list[Span]:
    """From rows of Durascope's query ``spans``."""
    return [
        Span(
            row["trace_id"], row["span_id"], row["parent_span_id"] or None, row["name"], row["start"], row["end"],
            row["status"], json.loads(row["attributes"] or "{}"),
        )
        for row in rows
    ]  # fmt: skip


def from_phoenix(rows: Iterable[Mapping[str, Any]]) -> list[Span]:
    """From Phoenix' REST API."""
    return [
        Span(
            row["context"]["trace_id"], row["context"]["span_id"], row["parent_id"], row["name"],
            _micros(row["start_time"]), _micros(row["end_time"]), row["status_code"].lower(), row["attributes"],
        )
        for row in rows
    ]  # fmt: skip


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return None if kind is None else getattr(value, kind)
