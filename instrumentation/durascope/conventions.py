"""Every span, attribute and metric name, once. Store, dashboards builder and tests import them from here.

OpenTelemetry GenAI names where they exist, Temporal's own for identity, ``durascope.*`` for the rest.
"""

SCOPE = "durascope"
SCOPE_RECONSTRUCTED = "durascope.reconstructed"  # of spans that an export made from the join: no evidence of a worker

# Temporal's own span attributes (the SDK's OpenTelemetry interceptors use the same, so existing searches work).
WORKFLOW_ID = "temporalWorkflowID"
RUN_ID = "temporalRunID"
ACTIVITY_ID = "temporalActivityID"
ACTIVITY_TYPE = "temporalActivityType"

# What Temporal lacks. Times are int Unix nanoseconds on the *server's* clock unless the name says worker.
NAMESPACE = "durascope.namespace"
WORKFLOW_TYPE = "durascope.workflow_type"
TASK_QUEUE = "durascope.task_queue"
KIND = "durascope.kind"  # one of the SPAN_* values below
OPERATION_KIND = "durascope.operation.kind"  # records.Kind, where the worker knows it (model, tool, mcp ...)
ATTEMPT = "durascope.attempt"
SCHEDULED_TIME = "durascope.scheduled_time"  # first attempt's schedule
QUEUED_TIME = "durascope.queued_time"  # this attempt's schedule: after the backoff
STARTED_TIME = "durascope.started_time"  # this attempt's start, as the server saw it
OUTCOME = "durascope.outcome"  # records.Status
ERROR_MESSAGE = "durascope.error.message"
RETRY_DELAY = "durascope.retry.delay"  # seconds until the next attempt, float
RETRY_BY = "durascope.retry.by"  # records.RetryBy
RETRY_MAX_ATTEMPTS = "durascope.retry.max_attempts"  # 0: unlimited
WORKER = "durascope.worker"
BUILD_ID = "durascope.build_id"
IS_LOCAL = "durascope.local_activity"
ESTIMATED = "durascope.estimated"  # an attempt that only history implies: its number is known, its times are not
HTTP_RETRIES = "durascope.http.retries"
HTTP_STATUS = "http.response.status_code"
FIRST_RUN_ID = "durascope.first_run_id"
PARENT_WORKFLOW_ID = "durascope.parent.workflow_id"
PARENT_RUN_ID = "durascope.parent.run_id"
CHILD_ID = "durascope.child.workflow_id"  # on the span of a child's start, in the parent
PREVIOUS_RUN_ID = "durascope.previous_run_id"
PARENT_SPAN_ID = "durascope.parent_span_id"  # 16 hex: the Agents span that scheduled this operation
AGENTS_SPAN_ID = "durascope.agents.span_id"
AGENTS_TRACE_ID = "durascope.agents.trace_id"
TURN = "durascope.turn"
HANDOFF_FROM = "durascope.handoff.from"
HANDOFF_TO = "durascope.handoff.to"
GUARDRAIL_NAME = "durascope.guardrail.name"
GUARDRAIL_TRIGGERED = "durascope.guardrail.triggered"
CONTENT_PREFIX = "durascope.content."

# Values of KIND: what a span stands for.
SPAN_WORKFLOW = "workflow"
SPAN_OPERATION = "operation"  # a whole activity, all its attempts
SPAN_ATTEMPT = "attempt"
SPAN_AGENT = "agent"
SPAN_TASK = "task"
SPAN_TURN = "turn"
SPAN_MODEL = "model"  # the Agents SDK's generation/response span inside a model attempt
SPAN_TOOL = "tool"  # a function span in the workflow
SPAN_HANDOFF = "handoff"
SPAN_GUARDRAIL = "guardrail"
SPAN_MCP = "mcp"
SPAN_CUSTOM = "custom"
SPAN_SIGNAL = "signal"
SPAN_UPDATE = "update"
SPAN_QUERY = "query"
SPAN_CHILD = "child"
SPAN_TIMER = "timer"
SPAN_NEXUS = "nexus"
SPAN_CLIENT = "client"  # a client call: start, signal, update ...

# OpenTelemetry GenAI semantic conventions.
GEN_AI_OPERATION = "gen_ai.operation.name"
GEN_AI_PROVIDER = "gen_ai.provider.name"
GEN_AI_REQUEST_MODEL = "gen_ai.request.model"
GEN_AI_RESPONSE_ID = "gen_ai.response.id"
GEN_AI_RESPONSE_MODEL = "gen_ai.response.model"
GEN_AI_AGENT_NAME = "gen_ai.agent.name"
GEN_AI_TOOL_NAME = "gen_ai.tool.name"
GEN_AI_TOOL_TYPE = "gen_ai.tool.type"
GEN_AI_CONVERSATION_ID = "gen_ai.conversation.id"
GEN_AI_INPUT_TOKENS = "gen_ai.usage.input_tokens"
GEN_AI_OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
GEN_AI_CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
GEN_AI_CACHE_WRITE_TOKENS = "gen_ai.usage.cache_write.input_tokens"
GEN_AI_REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
GEN_AI_TOKEN_TYPE = "gen_ai.token.type"
ERROR_TYPE = "error.type"
ERROR_TYPE_OTHER = "_OTHER"
ERROR_TYPE_CANCELLED = "cancelled"  # of whatever its run, or somebody, cancelled
ERROR_TYPE_GONE = "gone_from_server"  # of an attempt that the server gave up, the worker does not know why

# The log record that an attempt sends the moment it starts, so that a crash leaves evidence of it.
EVENT_ATTEMPT_STARTED = "durascope.attempt.started"
# Prompts, answers and tool values as a log record of their own, when they were asked for off the spans.
EVENT_CONTENT = "gen_ai.client.inference.operation.details"

# Temporal headers.
HEADER_TRACER = "_tracer-data"  # Temporal's own: JSON {"traceparent": ...}
HEADER_AGENTS = "__openai_span"  # the Agents integration's: JSON with its trace and span ids
MCP_ACTIVITIES = "temporalio.mcp."  # the prefix of activity types of MCP servers that a worker offers by name
# Ours: JSON {"traceparent", "parent", "agent", "kind"} on activities, and "id", the first one, on a local activity that
# a timer brings back; the first two on children; {"continues"}, a traceparent, on a run that continues another.
HEADER_DURASCOPE = "_durascope"
HEADER_NEXUS_PARENT = "durascope-parent"  # ours, on Nexus operations, beside "traceparent": 16 hex

# How the names of handlers begin that the SDK's own machinery calls (streams, the web UI): nobody's traffic.
INTERNAL_HANDLERS = ("__temporal", "__stack_trace", "__enhanced_stack_trace")

# Metrics (low cardinality: never a workflow, run or conversation id).
METRIC_TOKEN_USAGE = "gen_ai.client.token.usage"
METRIC_CLIENT_DURATION = "gen_ai.client.operation.duration"
METRIC_TOOL_DURATION = "gen_ai.execute_tool.duration"
METRIC_AGENT_DURATION = "gen_ai.invoke_agent.duration"
METRIC_WORKFLOW_DURATION = "gen_ai.invoke_workflow.duration"
METRIC_ATTEMPTS = "durascope.attempts"
METRIC_QUEUE_TIME = "durascope.attempt.queue_time"
METRIC_RUN_TIME = "durascope.attempt.run_time"
METRIC_BACKOFF_TIME = "durascope.attempt.backoff_time"
METRIC_TOKENS = "durascope.tokens"
METRIC_DROPPED = "durascope.telemetry.dropped"

# Labels of metrics only.
TOKEN_USE = "durascope.token.use"  # useful | wasted | unknown (then each unit is an attempt, not a token)
DROPPED_REASON = "durascope.reason"  # buffer | refused | internal_error

# Durable runs wait for days; OpenTelemetry's default buckets end at 10 s and the GenAI ones at 82 s.
DURATION_BUCKETS_S = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
    1800.0, 3600.0, 21600.0, 86400.0, 604800.0,
)  # fmt: skip
TOKEN_BUCKETS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304)
