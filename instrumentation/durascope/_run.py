"""The run, or the attempt, that this code runs in: its key, its trace, and the spans of others that ours replace.

client span -> temporal:executeWorkflow -> agent        the Agents integration's chain
W3C parent  -> invoke_workflow          -> agent        ours: `splice` maps the middle one to the run span
"""

import contextvars
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import NonRecordingSpan, set_span_in_context
from opentelemetry.util.types import AttributeValue

from durascope._held import Held
from durascope._pipeline import Pipeline
from durascope._spans import SpanFacts, span_context
from durascope._tokens import total
from durascope.identity import AttemptKey, RemoteContext, RunKey, agents_span_id, traceparent
from durascope.records import Tokens


@dataclass(slots=True)
class RunState:
    """What Durascope knows of the workflow run that this code runs in."""

    pipeline: Pipeline
    key: RunKey
    trace: int
    sampled: bool
    root: int  # span id of the run span
    incoming: RemoteContext | None
    previous: RemoteContext | None  # the run that this one continues
    attributes: dict[str, AttributeValue]
    held: Held
    splice: dict[str, int] = field(default_factory=dict)  # Agents span id -> OTel span id of ours
    agents: dict[str, str] = field(default_factory=dict)  # Agents span id -> agent name
    conversation: str | None = None
    begun: Counter[str] = field(default_factory=Counter)  # by name, what began so far: the same on replay

    def parent(self, agents_parent: str | None) -> int:
        """The OTel span id under which an Agents span with this parent belongs."""
        if agents_parent is None:
            return self.root
        return self.splice.get(agents_parent) or agents_span_id(agents_parent, self.key)

    def nth(self, name: str) -> int:
        """Count one more of these; from 1."""
        self.begun[name] += 1
        return self.begun[name]

    def traceparent(self, span: int) -> str:
        """A W3C header for what hangs below this span."""
        return traceparent(self.trace, span, sampled=self.sampled)

    def emit(self, facts: SpanFacts) -> None:
        """Send a span of this run, with the run's identity."""
        self.held.put(partial(self.pass_on, facts))

    def pass_on(self, facts: SpanFacts) -> None:
        """The same in a job of the pipeline's."""
        self.pipeline.pass_on(facts.inside(self.attributes, sampled=self.sampled))


@dataclass(slots=True)
class AttemptState:
    """What Durascope knows of the activity attempt that this code runs in."""

    pipeline: Pipeline
    key: AttemptKey
    activity_type: str
    trace: int
    sampled: bool
    span: int
    describe: Callable[[], dict[str, AttributeValue]]
    is_model: bool
    seen: set[str] = field(default_factory=set)  # Agents spans begun in this attempt, less the replaced ones
    calls: list[Tokens | None] = field(default_factory=list)  # usage of each model call that ended in it
    model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    provider: str | None = None
    http_retries: int = 0
    _attributes: dict[str, AttributeValue] | None = None

    @property
    def tokens(self) -> Tokens | None:
        """Usage of the whole attempt, if that is known."""
        return total(self.calls)

    @property
    def attributes(self) -> dict[str, AttributeValue]:
        """Who it is, made at first need: which is on the pipeline's thread, not in the attempt."""
        if self._attributes is None:
            self._attributes = self.describe()
        return self._attributes


current_run: contextvars.ContextVar[RunState | None] = contextvars.ContextVar("durascope_run", default=None)
current_attempt: contextvars.ContextVar[AttemptState | None] = contextvars.ContextVar("durascope_attempt", default=None)


def keep(sampler: Sampler, trace: int, incoming: RemoteContext | None, name: str) -> bool:
    """Ask the sampler once for a whole run; with deterministic ids every process gets the same answer."""
    parent = Context()
    if incoming is not None:
        context = span_context(incoming.trace_id, incoming.span_id, sampled=incoming.sampled, remote=True)
        parent = set_span_in_context(NonRecordingSpan(context), parent)
    return sampler.should_sample(parent, trace, name).decision is Decision.RECORD_AND_SAMPLE
