"""One span per activity attempt, and a log event the moment it starts, so that even a crash leaves evidence."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.trace import NonRecordingSpan, SpanKind, set_span_in_context
from opentelemetry.util.types import AttributeValue
from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from durascope import _headers as headers
from durascope import conventions as c
from durascope._activity_types import MODEL_ACTIVITIES
from durascope._attributes import clean, nanoseconds
from durascope._model_result import learn_from_result
from durascope._outcome import Outcome, outcome_of
from durascope._pipeline import Pipeline
from durascope._run import AttemptState, current_attempt, keep
from durascope._safely import safely
from durascope._spans import SpanFacts, span_context
from durascope._tokens import token_attributes
from durascope._worker import WorkerIdentity
from durascope.identity import (
    AttemptKey,
    RunKey,
    activity_operation,
    attempt_span_id,
    operation_span_id,
    parse_traceparent,
    trace_id,
)
from durascope.records import Kind, Status

# What `activity.raise_complete_async` raises; temporalio gives it no public name.
ASYNC_COMPLETION: type[BaseException] = activity._CompleteAsyncError


class ActivityInbound(ActivityInboundInterceptor):
    """Wraps every attempt that this worker runs."""

    def __init__(self, next: ActivityInboundInterceptor, pipeline: Pipeline, worker: WorkerIdentity) -> None:
        super().__init__(next)
        self._pipeline = pipeline
        self._worker = worker

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        """Run the attempt with its span as OpenTelemetry's current one; what it returns or raises is untouched."""
        attempt = begin_attempt(activity.info(), input, self._pipeline, self._worker)
        if attempt is None:
            return await self.next.execute_activity(input)
        started = attempt.pipeline.clock()
        _announce(attempt, started)
        token = current_attempt.set(attempt)
        context = span_context(attempt.trace, attempt.span, sampled=attempt.sampled)
        otel_token = otel_context.attach(set_span_in_context(NonRecordingSpan(context)))
        try:
            result = await self.next.execute_activity(input)
        except BaseException as error:
            _failed(attempt, started, error)
            raise
        else:
            _succeeded(attempt, started, result)
            return result
        finally:
            otel_context.detach(otel_token)
            current_attempt.reset(token)


@safely
def begin_attempt(
    info: activity.Info, input: ExecuteActivityInput, pipeline: Pipeline, worker: WorkerIdentity
) -> AttemptState | None:
    """The state of an attempt about to run; None for a standalone activity, which belongs to no run."""
    if info.workflow_id is None or info.workflow_run_id is None:
        return None
    run = RunKey(info.namespace, info.workflow_id, info.workflow_run_id)
    ours = headers.read(input.headers, c.HEADER_DURASCOPE)
    key = AttemptKey(*run, headers.text(ours, "id") or info.activity_id, info.attempt)
    incoming = parse_traceparent(ours.get("traceparent"))
    trace = incoming.trace_id if incoming else trace_id(run)
    name = f"invoke_workflow {info.workflow_type}"
    sampled = incoming.sampled if incoming else keep(pipeline.sampler, trace, None, name)
    is_model = info.activity_type in MODEL_ACTIVITIES
    attempt = AttemptState(
        pipeline, key, info.activity_type, trace, sampled, attempt_span_id(key),
        lambda: _identity(info, key, worker) | _operation(info, ours), is_model,
    )  # fmt: skip
    if is_model and input.args and isinstance(input.args[0], dict):
        attempt.model = headers.text(input.args[0], "model_name")
    return attempt


def _identity(info: activity.Info, key: AttemptKey, worker: WorkerIdentity) -> dict[str, AttributeValue]:
    return clean(
        {
            c.KIND: c.SPAN_ATTEMPT,
            c.NAMESPACE: info.namespace,
            c.WORKFLOW_ID: info.workflow_id,
            c.RUN_ID: info.workflow_run_id,
            c.WORKFLOW_TYPE: info.workflow_type,
            c.ACTIVITY_ID: key.activity_id,
            c.ACTIVITY_TYPE: info.activity_type,
            c.TASK_QUEUE: info.task_queue,
            c.ATTEMPT: info.attempt,
            c.SCHEDULED_TIME: nanoseconds(info.scheduled_time),
            c.QUEUED_TIME: nanoseconds(info.current_attempt_scheduled_time),
            c.STARTED_TIME: nanoseconds(info.started_time),
            c.IS_LOCAL: info.is_local,
            c.RETRY_MAX_ATTEMPTS: info.retry_policy.maximum_attempts if info.retry_policy else None,
            c.WORKER: worker.identity,
            c.BUILD_ID: worker.build_id,
        }
    )


def _operation(info: activity.Info, ours: dict[str, object]) -> dict[str, AttributeValue]:
    model = Kind.MODEL if info.activity_type in MODEL_ACTIVITIES else None
    other = Kind.LOCAL_ACTIVITY if info.is_local else Kind.ACTIVITY
    return clean(
        {
            c.OPERATION_KIND: str(model or headers.text(ours, "kind") or other),
            c.GEN_AI_AGENT_NAME: headers.text(ours, "agent"),
            c.PARENT_SPAN_ID: headers.text(ours, "parent"),
            c.GEN_AI_OPERATION: "chat" if model else None,
        }
    )


@safely
def _announce(attempt: AttemptState, started: int) -> None:
    if attempt.sampled:
        attempt.pipeline.later(partial(_tell_start, attempt, started))


@safely
def _succeeded(attempt: AttemptState, started: int, result: Any) -> None:
    said = result if attempt.is_model else None
    attempt.pipeline.later(partial(_tell_end, attempt, started, attempt.pipeline.clock(), Outcome(Status.OK), said))


@safely
def _failed(attempt: AttemptState, started: int, error: BaseException) -> None:
    if isinstance(error, ASYNC_COMPLETION):
        return  # the attempt goes on elsewhere: only history will know its end
    ended = attempt.pipeline.clock()
    ran = timedelta(microseconds=(ended - started) // 1000)
    outcome = outcome_of(error, activity.info(), activity.cancellation_details(), datetime.now(UTC), ran)
    attempt.pipeline.later(partial(_tell_end, attempt, started, ended, outcome, None))


@safely
def _tell_start(attempt: AttemptState, started: int) -> None:
    attempt.pipeline.event(c.EVENT_ATTEMPT_STARTED, attempt.trace, attempt.span, started, attempt.attributes)


@safely
def _tell_end(attempt: AttemptState, started: int, ended: int, outcome: Outcome, result: Any) -> None:
    if result is not None:
        learn_from_result(attempt, result)
    facts = _span(attempt, started, ended, outcome)
    attempt.pipeline.pass_on(facts)
    queued, begun = attempt.attributes.get(c.QUEUED_TIME), attempt.attributes.get(c.STARTED_TIME)
    queue_s = (begun - queued) / 1e9 if isinstance(begun, int) and isinstance(queued, int) else None
    attempt.pipeline.metrics.attempt(facts, outcome, attempt.tokens, queue_s)


def _span(attempt: AttemptState, started: int, ended: int, outcome: Outcome) -> SpanFacts:
    key = attempt.key
    failed = outcome.status is not Status.OK
    message = outcome.error_message if failed else None
    return SpanFacts(
        f"{attempt.activity_type} attempt {key.attempt}",
        attempt.trace,
        attempt.span,
        operation_span_id(key.run, activity_operation(key.activity_id)),
        started,
        ended,
        {**attempt.attributes, **_ending(attempt, outcome, message), **token_attributes(attempt.tokens)},
        SpanKind.CLIENT if attempt.is_model else SpanKind.INTERNAL,
        (message or outcome.error_type or "") if failed else None,
        ok=not failed,
        sampled=attempt.sampled,
    )


def _ending(attempt: AttemptState, outcome: Outcome, message: str | None) -> dict[str, AttributeValue]:
    return clean(
        {
            c.OUTCOME: outcome.status.value,
            c.ERROR_TYPE: outcome.error_type,
            c.ERROR_MESSAGE: message or None,
            c.RETRY_DELAY: outcome.retry_delay,
            c.RETRY_BY: outcome.retry_by.value if outcome.retry_by else None,
            c.HTTP_STATUS: outcome.http_status,
            c.HTTP_RETRIES: attempt.http_retries or None,
            c.GEN_AI_PROVIDER: attempt.provider,
            c.GEN_AI_REQUEST_MODEL: attempt.model,
            c.GEN_AI_RESPONSE_MODEL: attempt.response_model,
            c.GEN_AI_RESPONSE_ID: attempt.response_id,
        }
    )
