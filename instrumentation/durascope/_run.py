"""The run an event belongs to: its key, its trace, and the spans of others that ours replace.

client span -> temporal:executeWorkflow -> agent        the Agents integration's chain
W3C parent  -> invoke_workflow          -> agent        ours: `splice` maps the middle one to the run span
"""

import contextvars
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import NonRecordingSpan, set_span_in_context
from opentelemetry.util.types import AttributeValue
from temporalio.api.common.v1 import Payload

from durascope import conventions as c
from durascope._spans import span_context
from durascope.identity import (
    AttemptKey,
    RemoteContext,
    RunKey,
    agents_span_id,
    parse_traceparent,
    run_span_id,
    trace_id,
)
from durascope.records import Tokens


@dataclass(slots=True)
class RunState:
    """What Durascope knows of the workflow run that this code runs in."""

    key: RunKey
    trace: int
    sampled: bool
    root: int  # span id of the run span
    incoming: RemoteContext | None
    attributes: dict[str, AttributeValue]
    splice: dict[str, int] = field(default_factory=dict)  # Agents span id -> OTel span id of ours
    agents: dict[str, str] = field(default_factory=dict)  # Agents span id -> agent name


@dataclass(slots=True)
class AttemptState:
    """What Durascope knows of the activity attempt that this code runs in."""

    key: AttemptKey
    trace: int
    sampled: bool
    span: int
    attributes: dict[str, AttributeValue]
    agent: str | None = None
    seen: set[str] = field(default_factory=set)  # Agents spans begun in this attempt, less the replaced ones
    tokens: Tokens | None = None
    model: str | None = None
    response_model: str | None = None
    response_id: str | None = None


current_run: contextvars.ContextVar[RunState | None] = contextvars.ContextVar("durascope_run", default=None)
current_attempt: contextvars.ContextVar[AttemptState | None] = contextvars.ContextVar("durascope_attempt", default=None)


def read_header(headers: Mapping[str, Payload], name: str) -> dict[str, object]:
    """The JSON object in a Temporal header; empty if it is missing, encrypted or anything else."""
    payload = headers.get(name)
    if payload is None or payload.metadata.get("encoding") != b"json/plain":
        return {}
    try:
        value = json.loads(payload.data)
    except ValueError:
        return {}  # somebody else's header: not ours to judge
    return value if isinstance(value, dict) else {}


def write_header(value: Mapping[str, object]) -> Payload:
    """A JSON payload, as Temporal's default converter writes it."""
    return Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(value, separators=(",", ":")).encode())


def remote_context(headers: Mapping[str, Payload]) -> RemoteContext | None:
    """The W3C context in Temporal's own tracing header."""
    return parse_traceparent(read_header(headers, c.HEADER_TRACER).get("traceparent"))


def keep(sampler: Sampler, trace: int, incoming: RemoteContext | None, name: str) -> bool:
    """Ask the sampler once for a whole run; with deterministic ids every process gets the same answer."""
    parent = Context()
    if incoming is not None:
        context = span_context(incoming.trace_id, incoming.span_id, sampled=incoming.sampled, remote=True)
        parent = set_span_in_context(NonRecordingSpan(context), parent)
    return sampler.should_sample(parent, trace, name).decision is Decision.RECORD_AND_SAMPLE


def trace_of(key: RunKey, incoming: RemoteContext | None) -> int:
    """The incoming W3C trace if there is one, else the hash of the run key."""
    return incoming.trace_id if incoming else trace_id(key)


def parent_span(run: RunState, agents_parent: str | None) -> int:
    """The OTel span id under which an Agents span with this parent belongs."""
    if agents_parent is None:
        return run.root
    return run.splice.get(agents_parent) or agents_span_id(agents_parent)


def root_of(key: RunKey) -> int:
    """The run span's id."""
    return run_span_id(key)
