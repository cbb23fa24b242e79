"""One span per activity attempt, and a log event the moment it starts, so that even a crash leaves evidence."""

import time
from datetime import UTC, datetime
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.trace import NonRecordingSpan, SpanKind, set_span_in_context
from opentelemetry.util.types import AttributeValue
from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from durascope import conventions as c
from durascope._attributes import clean, nanoseconds
from durascope._outcome import Outcome, outcome_of
from durascope._pipeline import Pipeline
from durascope._run import AttemptState, current_attempt, keep, read_header, trace_of
from durascope._safely import safely
from durascope._spans import SpanFacts, span_context
from durascope._tokens import token_attributes, tokens_of
from durascope._worker import WorkerIdentity
from durascope.identity import (
    AttemptKey,
    RunKey,
    activity_operation,
    attempt_span_id,
    operation_span_id,
    parse_traceparent,
)
from durascope.records import Kind, Status

MODEL_ACTIVITIES = frozenset({"invoke_model_activity", "invoke_model_activity_streaming"})


class ActivityInbound(ActivityInboundInterceptor):
    """Wraps every attempt that this worker runs."""

    def __init__(self, next: ActivityInboundInterceptor, pipeline: Pipeline, worker: WorkerIdentity) -> None:
        super().__init__(next)
        self._pipeline = pipeline
        self._worker = worker

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        """Run the attempt with its span as OpenTelemetry's current one; what it returns or raises is untouched."""
        attempt = _begin(input, self._pipeline, self._worker)
        if attempt is None:
            return await self.next.execute_activity(input)
        started = time.time_ns()
        self._started(attempt, started)
        token = current_attempt.set(attempt)
        context = span_context(attempt.trace, attempt.span, sampled=attempt.sampled)
        otel_token = otel_context.attach(set_span_in_context(NonRecordingSpan(context)))
        try:
            result = await self.next.execute_activity(input)
        except BaseException as error:
            self._failed(attempt, started, error)
            raise
        else:
            self._ended(attempt, started, Outcome(Status.OK), result)
            return result
        finally:
            otel_context.detach(otel_token)
            current_attempt.reset(token)

    @safely
    def _started(self, attempt: AttemptState, started: int) -> None:
        if attempt.sampled:
            self._pipeline.event(c.EVENT_ATTEMPT_STARTED, attempt.trace, attempt.span, started, attempt.attributes)

    @safely
    def _failed(self, attempt: AttemptState, started: int, error: BaseException) -> None:
        outcome = outcome_of(error, activity.info(), activity.cancellation_details(), datetime.now(UTC))
        self._ended(attempt, started, outcome, None)

    @safely
    def _ended(self, attempt: AttemptState, started: int, outcome: Outcome, result: Any) -> None:
        ended = time.time_ns()
        _read_result(attempt, result)
        if attempt.sampled:
            self._pipeline.span(_span(attempt, started, ended, outcome))


def _span(attempt: AttemptState, started: int, ended: int, outcome: Outcome) -> SpanFacts:
    activity_type = str(attempt.attributes[c.ACTIVITY_TYPE])
    attributes: dict[str, AttributeValue] = {**attempt.attributes, **_ending(outcome)}
    attributes |= token_attributes(attempt.tokens)
    attributes |= clean(
        {
            c.GEN_AI_REQUEST_MODEL: attempt.model,
            c.GEN_AI_RESPONSE_MODEL: attempt.response_model,
            c.GEN_AI_RESPONSE_ID: attempt.response_id,
        }
    )
    key = attempt.key
    run = RunKey(key.namespace, key.workflow_id, key.run_id)
    parent = operation_span_id(run, activity_operation(key.activity_id))
    error = None if outcome.status is Status.OK else outcome.error_message or outcome.error_type or ""
    name = f"{activity_type} attempt {key.attempt}"
    kind = SpanKind.INTERNAL
    return SpanFacts(
        name, attempt.trace, attempt.span, parent, started, ended, attributes, kind, error, ok=error is None
    )


def _ending(outcome: Outcome) -> dict[str, AttributeValue]:
    return clean(
        {
            c.OUTCOME: outcome.status.value,
            c.ERROR_TYPE: outcome.error_type,
            c.ERROR_MESSAGE: outcome.error_message,
            c.RETRY_DELAY: outcome.retry_delay,
            c.RETRY_BY: outcome.retry_by.value if outcome.retry_by else None,
            c.HTTP_STATUS: outcome.http_status,
            c.HTTP_RETRIES: outcome.http_retries,
        }
    )


@safely
def _begin(input: ExecuteActivityInput, pipeline: Pipeline, worker: WorkerIdentity) -> AttemptState | None:
    info = activity.info()
    if info.workflow_id is None or info.workflow_run_id is None:
        return None  # a standalone activity belongs to no run
    run = RunKey(info.namespace, info.workflow_id, info.workflow_run_id)
    key = AttemptKey(*run, info.activity_id, info.attempt)
    header = read_header(input.headers, c.HEADER_DURASCOPE)
    incoming = parse_traceparent(header.get("traceparent"))
    trace = trace_of(run, incoming)
    sampled = incoming.sampled if incoming else keep(pipeline.sampler, trace, None, info.workflow_type or "workflow")
    agent = header.get("agent")
    attributes = _identity(info, worker) | _operation(info, header)
    attempt = AttemptState(
        key, trace, sampled, attempt_span_id(key), attributes, agent if isinstance(agent, str) else None
    )
    if info.activity_type in MODEL_ACTIVITIES and input.args and isinstance(input.args[0], dict):
        model = input.args[0].get("model_name")
        attempt.model = model if isinstance(model, str) else None
    return attempt


def _identity(info: activity.Info, worker: WorkerIdentity) -> dict[str, AttributeValue]:
    policy = info.retry_policy
    return clean(
        {
            c.KIND: c.SPAN_ATTEMPT,
            c.NAMESPACE: info.namespace,
            c.WORKFLOW_ID: info.workflow_id,
            c.RUN_ID: info.workflow_run_id,
            c.WORKFLOW_TYPE: info.workflow_type,
            c.ACTIVITY_ID: info.activity_id,
            c.ACTIVITY_TYPE: info.activity_type,
            c.TASK_QUEUE: info.task_queue,
            c.ATTEMPT: info.attempt,
            c.SCHEDULED_TIME: nanoseconds(info.scheduled_time),
            c.QUEUED_TIME: nanoseconds(info.current_attempt_scheduled_time),
            c.STARTED_TIME: nanoseconds(info.started_time),
            c.IS_LOCAL: info.is_local,
            c.RETRY_MAX_ATTEMPTS: policy.maximum_attempts if policy else None,
            c.WORKER: worker.identity,
            c.BUILD_ID: worker.build_id,
        }
    )


def _operation(info: activity.Info, header: dict[str, object]) -> dict[str, AttributeValue]:
    kind = header.get("kind")
    if not isinstance(kind, str):
        kind = Kind.MODEL if info.activity_type in MODEL_ACTIVITIES else Kind.ACTIVITY
    agent, parent = header.get("agent"), header.get("parent")
    return clean(
        {
            c.OPERATION_KIND: str(kind),
            c.GEN_AI_AGENT_NAME: agent if isinstance(agent, str) else None,
            c.PARENT_SPAN_ID: parent if isinstance(parent, str) else None,
        }
    )


@safely
def _read_result(attempt: AttemptState, result: Any) -> None:
    if attempt.attributes[c.ACTIVITY_TYPE] not in MODEL_ACTIVITIES or result is None:
        return
    last = result[-1] if isinstance(result, list) and result else result
    response = getattr(last, "response", last)  # a stream ends with an event that holds the response
    attempt.tokens = tokens_of(getattr(response, "usage", None)) or attempt.tokens
    found = getattr(response, "response_id", None) or getattr(response, "id", None)
    attempt.response_id = found or attempt.response_id
    attempt.response_model = getattr(response, "model", None) or attempt.response_model
