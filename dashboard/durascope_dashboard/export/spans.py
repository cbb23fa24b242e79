"""A joined run as one complete trace, whoever told of it.

    invoke_workflow Research                run_span_id
      |- invoke_agent ...                   spans of the worker, as received
      |- invoke_model_activity              operation_span_id: all attempts, queue waits and backoffs
      |    |- invoke_model_activity attempt 1    attempt_span_id
      |    `- invoke_model_activity attempt 2
      `- timer sleep

A span that the worker sent is passed on exactly as it came, and only what is missing is made here, with the ids that
the worker would have given it. So a second export, or one over live spans, repeats spans and never adds any.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from durascope import conventions as c
from durascope import identity
from durascope.identity import AttemptKey, RunKey
from durascope.records import Kind, Micros, RunStatus, Status
from durascope_dashboard.export.selection import Row, RunRows

Value = str | bool | int | float | list[str]
FAILED = {RunStatus.FAILED, RunStatus.TIMED_OUT, RunStatus.TERMINATED, Status.ERROR, Status.TIMEOUT, Status.LOST}
OPEN = {Status.RUNNING, Status.PENDING}
# What an operation that is no activity stands for.
_SPAN_KIND = {
    Kind.CHILD: c.SPAN_CHILD, Kind.NEXUS: c.SPAN_NEXUS, Kind.TIMER: c.SPAN_TIMER, Kind.SIGNAL: c.SPAN_SIGNAL,
    Kind.UPDATE: c.SPAN_UPDATE,
}  # fmt: skip


@dataclass(frozen=True)
class TraceSpan:
    """One span. Times in microseconds; ids in hex; ``status`` is ok | error | unset."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    start: Micros
    end: Micros
    status: str = "unset"
    message: str | None = None
    client: bool = False
    attributes: dict[str, Value] = field(default_factory=dict)
    resource: dict[str, Value] = field(default_factory=dict)
    scope: str = c.SCOPE_RECONSTRUCTED
    links: tuple[tuple[str, str], ...] = ()


def run_trace(rows: RunRows) -> list[TraceSpan]:
    """Every span of a closed run, each once, parents first as far as times allow.

    An open run gives what has ended and nothing of what has not: a span's end cannot be taken back.
    """
    ours = c.SCOPE_RECONSTRUCTED  # an earlier export that came back: made anew, of what is known by now
    raw = {s["span_id"]: _received(s) for s in rows.spans if s["end"] is not None and s["scope"] != ours}
    made = {span.span_id: span for span in _made(rows) if span.span_id not in raw}
    return sorted([*raw.values(), *made.values()], key=lambda span: (span.start, -span.end))


def trace_id(run: Row) -> str:
    """The run's trace id: the one its start carried, else the hash of its key."""
    return run["trace_id"] or identity.format_trace_id(identity.trace_id(RunKey(*_key(run))))


def _key(row: Row) -> tuple[str, str, str]:
    return row["namespace"], row["workflow_id"], row["run_id"]


def _received(span: Row) -> TraceSpan:
    attributes = json.loads(span["attributes"] or "{}")
    return TraceSpan(
        span["trace_id"], span["span_id"], span["parent_span_id"] or None, span["name"] or "", span["start"],
        span["end"], span["status"] or "unset", span["status_message"],
        client=attributes.get(c.GEN_AI_OPERATION) == "chat",
        attributes=attributes, resource=json.loads(span["resource"] or "{}"), scope=span["scope"] or c.SCOPE,
    )  # fmt: skip


def _made(rows: RunRows) -> Iterator[TraceSpan]:
    """The spans that follow from the joined rows alone: the run, its operations and their attempts."""
    run, trace = rows.run, trace_id(rows.run)
    run_span = identity.format_span_id(identity.run_span_id(rows.key))
    if run["closed"] is not None:
        yield _run_span(run, trace, run_span)
    by_operation: dict[str, list[Row]] = {}
    for attempt in rows.attempts:
        by_operation.setdefault(attempt["operation_id"], []).append(attempt)
    received = {span["span_id"] for span in rows.spans}
    told = {span["parent_span_id"] for span in rows.spans if span["kind"] == c.SPAN_MODEL and _is_call(span)}
    for operation in rows.operations:
        # The agent's span that scheduled it, if that span is really in the trace; else the run.
        scheduled_by = operation["parent_span_id"] if operation["parent_span_id"] in received else None
        span_id = identity.format_span_id(identity.operation_span_id(rows.key, operation["operation_id"]))
        if operation["closed"] is not None:
            yield _operation_span(run, operation, trace, span_id, scheduled_by or run_span)
        for attempt in by_operation.get(operation["operation_id"], []):
            if attempt["status"] not in OPEN:
                made = _attempt_span(run, operation, attempt, trace, span_id)
                if made.span_id not in told and not (operation["kind"] != Kind.MODEL and scheduled_by):
                    made.attributes.update(_known(_genai(operation, attempt)))
                yield made


def _is_call(span: Row) -> bool:
    """Whether a model span tells of the call itself; one of our worker's leaves that to the attempt's span."""
    attributes = json.loads(span["attributes"] or "{}")
    return c.GEN_AI_OPERATION in attributes or c.GEN_AI_INPUT_TOKENS in attributes


def _run_span(run: Row, trace: str, span_id: str) -> TraceSpan:
    attributes = _common(run) | {
        c.KIND: c.SPAN_WORKFLOW, c.GEN_AI_OPERATION: "invoke_workflow", c.TASK_QUEUE: run["task_queue"],
        c.OUTCOME: run["status"], c.FIRST_RUN_ID: run["first_run_id"], c.PARENT_WORKFLOW_ID: run["parent_workflow_id"],
        c.PARENT_RUN_ID: run["parent_run_id"], c.PREVIOUS_RUN_ID: run["previous_run_id"], c.BUILD_ID: run["build_id"],
        c.GEN_AI_CONVERSATION_ID: run["conversation_id"], c.ERROR_TYPE: run["failure_type"],
        c.ERROR_MESSAGE: run["failure_message"],
    }  # fmt: skip
    return TraceSpan(
        trace, span_id, run["parent_span_id"], f"invoke_workflow {run['workflow_type']}", run["started"],
        run["closed"], _status(run["status"]), run["failure_message"], attributes=_known(attributes),
        resource=_resource(run), links=_previous(run),
    )  # fmt: skip


def _operation_span(run: Row, operation: Row, trace: str, span_id: str, parent: str) -> TraceSpan:
    is_activity = operation["activity_id"] is not None
    attributes = _common(run) | _activity(operation) | {
        c.KIND: c.SPAN_OPERATION if is_activity else _SPAN_KIND.get(operation["kind"], c.SPAN_OPERATION),
        c.OUTCOME: operation["status"], c.ERROR_TYPE: operation["error_type"],
        c.ERROR_MESSAGE: operation["error_message"],
        c.RETRY_MAX_ATTEMPTS: operation["max_attempts"],
    }  # fmt: skip
    return TraceSpan(
        trace, span_id, parent, operation_name(operation), operation["scheduled"], operation["closed"],
        _status(operation["status"]), operation["error_message"], attributes=_known(attributes),
        resource=_resource(run),
    )  # fmt: skip


def _attempt_span(run: Row, operation: Row, attempt: Row, trace: str, parent: str) -> TraceSpan:
    key = AttemptKey(*_key(run), attempt["activity_id"], attempt["attempt"])
    # An attempt that history only implies has no times of its own: it stands where its operation was scheduled.
    known = (attempt["started"], attempt["queued"], attempt["ended"], operation["scheduled"])
    begun = next(time for time in known if time is not None)
    ended = begun if attempt["ended"] is None else max(begun, attempt["ended"])
    return TraceSpan(
        trace, identity.format_span_id(identity.attempt_span_id(key)), parent,
        f"{operation_name(operation)} attempt {attempt['attempt']}", begun, ended, _status(attempt["status"]),
        attempt["error_message"], client=operation["kind"] == Kind.MODEL,
        attributes=_known(_attempt(run, operation, attempt)), resource=_resource(run),
    )  # fmt: skip


def _attempt(run: Row, operation: Row, attempt: Row) -> dict[str, Value | None]:
    delay = attempt["retry_delay_ms"]
    return _common(run) | _activity(operation) | {
        c.KIND: c.SPAN_ATTEMPT, c.ATTEMPT: attempt["attempt"], c.OUTCOME: attempt["status"],
        c.SCHEDULED_TIME: _nanos(operation["scheduled"]), c.QUEUED_TIME: _nanos(attempt["queued"]),
        c.STARTED_TIME: _nanos(attempt["started"]), c.WORKER: attempt["worker"], c.BUILD_ID: attempt["build_id"],
        c.ERROR_TYPE: attempt["error_type"], c.ERROR_MESSAGE: attempt["error_message"],
        c.RETRY_DELAY: None if delay is None else delay / 1000, c.RETRY_BY: attempt["retry_by"],
        c.HTTP_STATUS: attempt["http_status"], c.HTTP_RETRIES: attempt["http_retries"],
        c.GEN_AI_RESPONSE_ID: attempt["response_id"], c.ESTIMATED: True if attempt["estimated"] else None,
    }  # fmt: skip


def _genai(operation: Row, attempt: Row) -> dict[str, Value | None]:
    """What makes the attempt a model call or a tool call to other tools, where no span of the Agents SDK does.

    Tokens stand on attempts, never on their operation: every token is in the trace once.
    """
    if operation["kind"] in (Kind.TOOL, Kind.MCP):
        return {c.GEN_AI_OPERATION: "execute_tool", c.GEN_AI_TOOL_NAME: operation["name"]}
    if operation["kind"] != Kind.MODEL:
        return {}
    return {
        c.GEN_AI_OPERATION: "chat",
        c.GEN_AI_INPUT_TOKENS: attempt["tokens_input"], c.GEN_AI_OUTPUT_TOKENS: attempt["tokens_output"],
        c.GEN_AI_CACHE_READ_TOKENS: attempt["tokens_cached_input"],
        c.GEN_AI_CACHE_WRITE_TOKENS: attempt["tokens_cache_write"],
        c.GEN_AI_REASONING_TOKENS: attempt["tokens_reasoning"],
    }  # fmt: skip


def operation_name(operation: Row) -> str:
    """What the worker calls it: an activity by its type, anything else by kind and name."""
    if operation["activity_id"] is not None:
        return str(operation["activity_type"] or operation["name"])
    return f"{operation['kind']} {operation['name'] or ''}".strip()


def _common(run: Row) -> dict[str, Value | None]:
    return {
        c.WORKFLOW_ID: run["workflow_id"], c.RUN_ID: run["run_id"], c.NAMESPACE: run["namespace"],
        c.WORKFLOW_TYPE: run["workflow_type"],
    }  # fmt: skip


def _activity(operation: Row) -> dict[str, Value | None]:
    kind = operation["kind"]
    return {
        c.OPERATION_KIND: kind, c.ACTIVITY_ID: operation["activity_id"], c.ACTIVITY_TYPE: operation["activity_type"],
        c.TASK_QUEUE: operation["task_queue"], c.GEN_AI_AGENT_NAME: operation["agent"],
        c.GEN_AI_REQUEST_MODEL: operation["model"], c.IS_LOCAL: True if kind == Kind.LOCAL_ACTIVITY else None,
    }  # fmt: skip


def _resource(run: Row) -> dict[str, Value]:
    return {"service.name": run["task_queue"] or "temporal", "service.namespace": run["namespace"]}


def _previous(run: Row) -> tuple[tuple[str, str], ...]:
    """A link to the run before it in the chain (continue-as-new, retry, reset): a chain is never one trace."""
    if not run["previous_run_id"]:
        return ()
    previous = RunKey(run["namespace"], run["workflow_id"], run["previous_run_id"])
    return (
        (
            identity.format_trace_id(identity.trace_id(previous)),
            identity.format_span_id(identity.run_span_id(previous)),
        ),
    )


def _status(status: str) -> str:
    if status in FAILED:
        return "error"
    return "ok" if status in (Status.OK, RunStatus.COMPLETED, RunStatus.CONTINUED_AS_NEW) else "unset"


def _nanos(time: Micros | None) -> int | None:
    return None if time is None else time * 1000


def _known(attributes: dict[str, Value | None]) -> dict[str, Value]:
    return {name: value for name, value in attributes.items() if value is not None}
