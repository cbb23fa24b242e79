"""Realistic agent spans as OTLP bodies, made faster than any collector takes them.

One run is 20 spans: workflow, two agents, four turns, four model calls (one retried) and two tools, each with its
operation and attempt spans. A template is encoded once; then ids of fixed width are put in place of its own.
"""

import os
import time
from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

from durascope import conventions as c

SPANS_PER_RUN = 20
_SPAN = b"\xb3\x9f\x5d\x11\x7e\xc4"  # the first six bytes of every span id
_TRACE, _RUN, _WORKFLOW = b"\xa7" * 16, "r" * 36, "workflow-placeholder-0000000"
_SECOND = 1_000_000_000
_TYPES = ("ResearchWorkflow", "SupportWorkflow", "ReviewWorkflow")
_MODELS = ("gpt-5-mini", "gpt-5", "gpt-4.1-mini")


def _value(value: Any) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(string_value=value)


class _Run:
    """Builds the spans of one template run."""

    def __init__(self, start: int, variant: int) -> None:
        self.spans: list[Span] = []
        self.clock = start
        self.variant = variant
        self.identity = {
            c.NAMESPACE: "default", c.WORKFLOW_ID: _WORKFLOW, c.RUN_ID: _RUN,
            c.WORKFLOW_TYPE: _TYPES[variant % 3], c.TASK_QUEUE: "agents",
        }  # fmt: skip

    def span(
        self, name: str, kind: str, parent: bytes, length_ms: int, more: dict[str, Any], error: bool = False
    ) -> bytes:
        """Add one span; returns its id."""
        ident = _SPAN + (len(self.spans) + 1).to_bytes(2, "big")
        attributes = self.identity | {c.KIND: kind} | more
        span = Span(trace_id=_TRACE, span_id=ident, parent_span_id=parent, name=name,
                    start_time_unix_nano=self.clock, end_time_unix_nano=self.clock + length_ms * 1_000_000)  # fmt: skip
        span.attributes.extend(KeyValue(key=key, value=_value(value)) for key, value in attributes.items())
        span.status.code = span.status.STATUS_CODE_ERROR if error else span.status.STATUS_CODE_OK
        self.spans.append(span)
        return ident

    def activity(self, parent: bytes, number: int, kind: str, name: str, failures: int, length_ms: int) -> None:
        """An operation span with its attempts; a failed one comes first for each of ``failures``."""
        agent = {c.GEN_AI_AGENT_NAME: "Planner" if number % 2 else "Writer"}
        operation = self.span(name, c.SPAN_OPERATION, parent, length_ms,
                              {c.ACTIVITY_ID: str(number), c.ACTIVITY_TYPE: name, **agent})  # fmt: skip
        for attempt in range(1, failures + 2):
            queued = self.clock
            self.clock += 4_000_000
            failed = attempt <= failures
            more: dict[str, Any] = {
                c.ACTIVITY_ID: str(number), c.ACTIVITY_TYPE: name, c.ATTEMPT: attempt, c.OPERATION_KIND: kind,
                c.SCHEDULED_TIME: queued, c.QUEUED_TIME: queued, c.STARTED_TIME: self.clock,
                c.OUTCOME: "error" if failed else "ok", c.WORKER: "4711@worker-7f9c", c.BUILD_ID: "1.4.2",
                c.RETRY_MAX_ATTEMPTS: 5, c.IS_LOCAL: False, **agent,
            }  # fmt: skip
            if kind == "model" and not failed:
                more |= {
                    c.GEN_AI_OPERATION: "chat", c.GEN_AI_PROVIDER: "openai",
                    c.GEN_AI_REQUEST_MODEL: _MODELS[self.variant % 3], c.GEN_AI_INPUT_TOKENS: 900 + 37 * number,
                    c.GEN_AI_CACHE_READ_TOKENS: 512, c.GEN_AI_OUTPUT_TOKENS: 120 + self.variant,
                    c.GEN_AI_REASONING_TOKENS: 64, c.GEN_AI_RESPONSE_ID: f"resp_{_RUN}_{number}",
                }  # fmt: skip
            if failed:
                more |= {
                    c.ERROR_TYPE: "APIStatusError", c.HTTP_STATUS: 429, c.RETRY_DELAY: 1.5, c.RETRY_BY: "server",
                    c.ERROR_MESSAGE: "Rate limit reached for gpt-5 in organization org-x on tokens per min",
                }  # fmt: skip
            self.span(f"{name} attempt {attempt}", c.SPAN_ATTEMPT, operation, length_ms, more, error=failed)
            self.clock += length_ms * 1_000_000


def _template(start: int, variant: int) -> bytes:
    run = _Run(start, variant)
    root = run.span(f"invoke_workflow {_TYPES[variant % 3]}", c.SPAN_WORKFLOW, b"", 9000,
                    {c.FIRST_RUN_ID: _RUN, c.GEN_AI_OPERATION: "invoke_workflow"})  # fmt: skip
    number = 0
    for agent in ("Planner", "Writer"):
        name = {c.GEN_AI_AGENT_NAME: agent, c.GEN_AI_OPERATION: "invoke_agent"}
        agent_span = run.span(f"invoke_agent {agent}", c.SPAN_AGENT, root, 4000, name)
        for turn in (1, 2):
            turn_span = run.span(f"turn {turn}", c.SPAN_TURN, agent_span, 2000, {c.TURN: turn})
            number += 1
            run.activity(turn_span, number, "model", "invoke_model_activity", int(number == 2), 800)
        number += 1
        run.activity(agent_span, number, "tool", "search", 0, 150)
    assert len(run.spans) == SPANS_PER_RUN, len(run.spans)
    group = ResourceSpans()
    for key, value in (
        ("service.name", "agents-worker"),
        ("host.name", "worker-7f9c"),
        ("telemetry.sdk.language", "python"),
    ):
        group.resource.attributes.add(key=key, value=_value(value))
    scope = group.scope_spans.add()
    scope.scope.name = c.SCOPE
    scope.spans.extend(run.spans)
    return ExportTraceServiceRequest(resource_spans=[group]).SerializeToString()


def run_id() -> str:
    """A UUIDv7, which is what Temporal gives runs."""
    millis, rest = f"{time.time_ns() // 1_000_000:012x}", os.urandom(9).hex()
    return f"{millis[:8]}-{millis[8:]}-7{rest[:3]}-8{rest[3:6]}-{rest[6:18]}"


def run_bodies(seed: int = 0) -> Iterator[tuple[bytes, str]]:
    """Endless: the OTLP bytes of one run each (they may be joined to a larger request), and its run id."""
    count = 0
    templates: list[bytes] = []
    while True:
        if count % 500 == 0:  # new times now and then, as they go by
            templates = [_template(time.time_ns() - 10 * _SECOND, variant) for variant in range(6)]
        run = run_id()
        workflow = f"{seed:04d}-agent-run-{count:014d}".encode()
        body = templates[count % 6].replace(_TRACE, os.urandom(16)).replace(_SPAN, os.urandom(6))
        yield body.replace(_RUN.encode(), run.encode()).replace(_WORKFLOW.encode(), workflow[:28].ljust(28, b"0")), run
        count += 1


def requests(spans_per_request: int = 1000, seed: int = 0) -> Iterator[tuple[bytes, list[str]]]:
    """Endless export requests of about that many spans, with the run ids in each; ``seed`` tells senders apart."""
    runs = run_bodies(seed)
    per = max(1, spans_per_request // SPANS_PER_RUN)
    while True:
        parts = [next(runs) for _ in range(per)]
        yield b"".join(body for body, _ in parts), [run for _, run in parts]
