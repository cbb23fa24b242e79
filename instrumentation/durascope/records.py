"""What is known about a run, as plain facts: the vocabulary that the worker, the history reader and every store share.

Times are ``int`` microseconds since the Unix epoch, UTC (exact, and equal on every engine); ``None`` is "not known".
Durations are milliseconds where a name ends in ``_ms``. Token counts are ``int``; ``None`` is unknown, never 0.
"""

from dataclasses import dataclass, field
from enum import StrEnum

Micros = int
"""Microseconds since the Unix epoch, UTC."""


class RunStatus(StrEnum):
    """Outcome of a workflow run."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TERMINATED = "terminated"
    TIMED_OUT = "timed_out"
    CONTINUED_AS_NEW = "continued_as_new"


class Status(StrEnum):
    """Outcome of an operation or of one attempt."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    LOST = "lost"  # the worker began it and never told the end
    RUNNING = "running"
    PENDING = "pending"  # waiting for a worker, or for the backoff to pass


class Kind(StrEnum):
    """What sort of work an operation is."""

    MODEL = "model"
    TOOL = "tool"
    ACTIVITY = "activity"
    MCP = "mcp"
    GUARDRAIL = "guardrail"  # a check of the Agents SDK; ``error`` when it tripped
    LOCAL_ACTIVITY = "local_activity"
    CHILD = "child"
    NEXUS = "nexus"
    TIMER = "timer"
    SIGNAL = "signal"
    UPDATE = "update"
    HUMAN_WAIT = "human_wait"
    WORKFLOW_TASK_FAILURE = "workflow_task_failure"


class Source(StrEnum):
    """Who told us of an attempt."""

    HISTORY = "history"
    SPAN = "span"
    BOTH = "both"


class RetryBy(StrEnum):
    """Who dictated the delay before the next attempt."""

    POLICY = "policy"
    SERVER = "server"  # the provider's Retry-After, or the activity's own next_retry_delay


@dataclass(frozen=True, slots=True)
class Tokens:
    """One model call. ``cached_input`` and ``cache_write`` are part of ``input``, ``reasoning`` of ``output``."""

    input: int
    cached_input: int
    output: int
    reasoning: int
    cache_write: int = 0


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run, as history (or its run span) tells it."""

    namespace: str
    workflow_id: str
    run_id: str
    workflow_type: str
    task_queue: str
    status: RunStatus
    started: Micros
    first_run_id: str
    closed: Micros | None = None
    previous_run_id: str | None = None  # continued from, retried from or reset from
    next_run_id: str | None = None
    parent_workflow_id: str | None = None
    parent_run_id: str | None = None
    build_id: str | None = None
    trace_id: str | None = None  # 32 hex
    parent_span_id: str | None = None  # 16 hex, of the incoming W3C context
    conversation_id: str | None = None
    history_events: int | None = None
    history_bytes: int | None = None
    failure_type: str | None = None
    failure_message: str | None = None
    last_event_id: int = 0
    from_history: bool = True


@dataclass(frozen=True, slots=True)
class OperationFacts:
    """One logical unit of work in a run."""

    namespace: str
    workflow_id: str
    run_id: str
    operation_id: str  # "activity:<activity id>", "child:<nth>:<workflow id>", "timer:<event id>" ...
    kind: Kind
    name: str
    status: Status
    scheduled: Micros
    closed: Micros | None = None
    activity_id: str | None = None
    activity_type: str | None = None
    agent: str | None = None
    model: str | None = None
    task_queue: str | None = None
    attempts: int = 0  # how many attempts history implies; 0 for what is none, or inherited by a reset
    max_attempts: int | None = None  # None: unlimited
    initial_interval_ms: float | None = None
    backoff_coefficient: float | None = None
    max_interval_ms: float | None = None
    schedule_to_start_ms: float | None = None  # configured timeouts
    start_to_close_ms: float | None = None
    schedule_to_close_ms: float | None = None
    heartbeat_ms: float | None = None
    parent_span_id: str | None = None  # 16 hex: the Agents span that scheduled it, from our own header
    event_id: int | None = None
    error_type: str | None = None
    error_message: str | None = None
    detail: str | None = (
        None  # child: its workflow id; nexus: endpoint; signal/update: name; tool, activity: arguments' digest
    )


@dataclass(frozen=True, slots=True)
class AttemptFacts:
    """One attempt of one activity, as one source tells it."""

    namespace: str
    workflow_id: str
    run_id: str
    activity_id: str
    attempt: int
    status: Status
    source: Source
    queued: Micros | None = None  # current_attempt_scheduled: after the backoff
    started: Micros | None = None
    ended: Micros | None = None
    error_type: str | None = None
    error_message: str | None = None
    retry_delay_ms: float | None = None  # delay before the *next* attempt
    retry_by: RetryBy | None = None
    worker: str | None = None
    task_queue: str | None = None
    build_id: str | None = None
    model: str | None = None
    response_id: str | None = None
    http_status: int | None = None
    http_retries: int | None = None  # the HTTP client's own, inside this attempt
    tokens: Tokens | None = None
    estimated: bool = False
    skew_ms: float | None = None  # worker clock minus server clock at start, as measured


@dataclass(frozen=True, slots=True)
class WaitFacts:
    """An interval of a run that is not an operation: a workflow task, or a wait that a signal or update ended."""

    namespace: str
    workflow_id: str
    run_id: str
    kind: str  # "workflow_task" | "external_wait"
    started: Micros
    ended: Micros | None


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """Everything one event history tells of a run."""

    run: RunFacts
    operations: list[OperationFacts] = field(default_factory=list)
    attempts: list[AttemptFacts] = field(default_factory=list)
    waits: list[WaitFacts] = field(default_factory=list)
