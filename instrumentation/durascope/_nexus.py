"""Nexus handlers: what they start belongs to the trace of the workflow that called."""

from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.trace import NonRecordingSpan, set_span_in_context
from temporalio.worker import ExecuteNexusOperationStartInput, NexusOperationInboundInterceptor

from durascope._safely import safely
from durascope._spans import span_context
from durascope.identity import parse_traceparent


class NexusInbound(NexusOperationInboundInterceptor):
    """Makes the caller's trace current while a handler starts its operation."""

    async def execute_nexus_operation_start(self, input: ExecuteNexusOperationStartInput) -> Any:
        """See base class."""
        token = _attach(input)
        try:
            return await super().execute_nexus_operation_start(input)
        finally:
            if token is not None:
                otel_context.detach(token)


@safely
def _attach(input: ExecuteNexusOperationStartInput) -> Any:
    caller = parse_traceparent(input.ctx.headers.get("traceparent"))
    if caller is None:
        return None
    context = span_context(caller.trace_id, caller.span_id, sampled=caller.sampled, remote=True)
    return otel_context.attach(set_span_in_context(NonRecordingSpan(context)))
