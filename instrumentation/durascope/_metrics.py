"""Metrics of attempts, model calls, tools, agents and runs. Low cardinality: never an id of a run or a conversation.

Recorded once a thing has ended and never on replay, with the span as exemplar.
"""

from collections.abc import Callable, Iterable

from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Histogram, MeterProvider, NoOpMeterProvider, Observation
from opentelemetry.trace import NonRecordingSpan, set_span_in_context
from opentelemetry.util.types import AttributeValue

from durascope import __version__
from durascope import conventions as c
from durascope._outcome import Outcome
from durascope._safely import failures
from durascope._spans import SpanFacts, span_context
from durascope.records import Kind, Status, Tokens

_OF_MODEL = (c.GEN_AI_OPERATION, c.GEN_AI_PROVIDER, c.GEN_AI_REQUEST_MODEL, c.GEN_AI_RESPONSE_MODEL, c.ERROR_TYPE)
_OF_ATTEMPT = (c.ACTIVITY_TYPE, c.OPERATION_KIND, c.OUTCOME, c.ERROR_TYPE, c.TASK_QUEUE, c.WORKFLOW_TYPE)
_DURATION_OF = {
    c.SPAN_WORKFLOW: (c.METRIC_WORKFLOW_DURATION, (c.WORKFLOW_TYPE, c.TASK_QUEUE, c.OUTCOME, c.ERROR_TYPE)),
    c.SPAN_AGENT: (c.METRIC_AGENT_DURATION, (c.GEN_AI_OPERATION, c.GEN_AI_AGENT_NAME, c.WORKFLOW_TYPE, c.ERROR_TYPE)),
    c.SPAN_TOOL: (c.METRIC_TOOL_DURATION, (c.GEN_AI_OPERATION, c.GEN_AI_TOOL_NAME, c.WORKFLOW_TYPE, c.ERROR_TYPE)),
}


class Sums:
    """A counter that adds up here and is asked when somebody collects: a fifth of what the SDK's takes for each count.

    It has no exemplars; those of the same attempts are with the histograms. Counted in the pipeline's jobs only, which
    are done one after the other.
    """

    def __init__(self, settle: Callable[[], object]) -> None:
        self._settle = settle
        self._sums: dict[tuple[tuple[str, AttributeValue], ...], int] = {}

    def add(self, count: int, labels: dict[str, AttributeValue]) -> None:
        """Count so many more."""
        key = tuple(labels.items())
        self._sums[key] = self._sums.get(key, 0) + count

    def __call__(self, _: CallbackOptions) -> list[Observation]:
        """All sums so far; the SDK asks before it looks at what was recorded."""
        self._settle()
        return [Observation(total, dict(key)) for key, total in list(self._sums.items())]


class Metrics:
    """The instruments.

    ``dropped`` tells how many spans and records the pipeline has lost, by reason. ``settle`` records what is still
    waiting to be: it is called when somebody collects, who then sees all that was measured before.
    """

    def __init__(
        self, provider: MeterProvider | None, dropped: Callable[[], dict[str, int]], settle: Callable[[], object]
    ) -> None:
        meter = (provider or NoOpMeterProvider()).get_meter(c.SCOPE, __version__)

        def histogram(name: str, unit: str, what: str, bounds: Iterable[float]) -> Histogram:
            return meter.create_histogram(name, unit, what, explicit_bucket_boundaries_advisory=list(bounds))

        seconds = c.DURATION_BUCKETS_S
        self._usage = histogram(c.METRIC_TOKEN_USAGE, "{token}", "Tokens of one model call", c.TOKEN_BUCKETS)
        self._call = histogram(c.METRIC_CLIENT_DURATION, "s", "One attempt of a model call", seconds)
        self._queue = histogram(c.METRIC_QUEUE_TIME, "s", "From being due to being started", seconds)
        self._run = histogram(c.METRIC_RUN_TIME, "s", "From start to end of an attempt", seconds)
        self._backoff = histogram(c.METRIC_BACKOFF_TIME, "s", "From a failed attempt to the next being due", seconds)
        self._durations = {name: histogram(name, "s", "Duration", seconds) for name, _ in _DURATION_OF.values()}
        self._measured: list[tuple[Histogram, float, dict[str, AttributeValue], SpanFacts]] = []
        self._attempts, self._tokens = Sums(settle), Sums(settle)
        meter.create_observable_counter(c.METRIC_ATTEMPTS, [self._attempts], "{attempt}", "Attempts of activities")
        meter.create_observable_counter(
            c.METRIC_TOKENS, [self._tokens], "{token}", "Tokens by what became of the attempt"
        )

        def lost(_: CallbackOptions) -> Iterable[Observation]:
            settle()
            for reason, count in {**dropped(), "internal_error": sum(failures().values())}.items():
                yield Observation(count, {c.DROPPED_REASON: reason})

        meter.create_observable_counter(c.METRIC_DROPPED, [lost], "{item}", "Telemetry that was lost")

    def attempt(self, facts: SpanFacts, outcome: Outcome, tokens: Tokens | None, queue_s: float | None) -> None:
        """Measure one attempt that has ended. Times are seconds."""
        labels = _pick(facts, _OF_ATTEMPT)
        self._attempts.add(1, labels)
        self._measure(self._run, (facts.end - facts.start) / 1e9, labels, facts)
        if queue_s is not None:
            self._measure(self._queue, max(queue_s, 0.0), _pick(facts, (c.ACTIVITY_TYPE, c.TASK_QUEUE)), facts)
        if outcome.retry_delay is not None and outcome.retry_by is not None:
            self._measure(self._backoff, outcome.retry_delay, labels | {c.RETRY_BY: outcome.retry_by.value}, facts)
        if facts.attributes.get(c.OPERATION_KIND) == Kind.MODEL:
            self._model(facts, outcome, tokens)

    def _model(self, facts: SpanFacts, outcome: Outcome, tokens: Tokens | None) -> None:
        labels = _pick(facts, _OF_MODEL)
        self._measure(self._call, (facts.end - facts.start) / 1e9, labels, facts)
        model = _pick(facts, (c.GEN_AI_REQUEST_MODEL, c.GEN_AI_AGENT_NAME))
        if tokens is None:
            self._tokens.add(1, model | {c.TOKEN_USE: "unknown"})
            return
        labels.pop(c.ERROR_TYPE, None)
        self._measure(self._usage, tokens.input, labels | {c.GEN_AI_TOKEN_TYPE: "input"}, facts)
        self._measure(self._usage, tokens.output, labels | {c.GEN_AI_TOKEN_TYPE: "output"}, facts)
        use = "useful" if outcome.status is Status.OK else "wasted"
        for name in ("input", "cached_input", "cache_write", "output", "reasoning"):
            count = getattr(tokens, name)
            if count:
                self._tokens.add(count, model | {c.TOKEN_USE: use, c.GEN_AI_TOKEN_TYPE: name})

    def span(self, facts: SpanFacts) -> None:
        """Measure the duration of a run, an agent or a tool, if it is one."""
        found = _DURATION_OF.get(str(facts.attributes.get(c.KIND)))
        if found is not None:
            name, labels = found
            self._measure(self._durations[name], (facts.end - facts.start) / 1e9, _pick(facts, labels), facts)

    def _measure(self, histogram: Histogram, value: float, labels: dict[str, AttributeValue], facts: SpanFacts) -> None:
        self._measured.append((histogram, value, labels, facts))

    def record(self) -> None:
        """Record all that was measured, with its span as exemplar: one after the other, which costs half."""
        measured, self._measured = self._measured, []
        for histogram, value, labels, facts in measured:
            histogram.record(value, labels, _exemplar(facts))


def _pick(facts: SpanFacts, names: Iterable[str]) -> dict[str, AttributeValue]:
    return {name: facts.attributes[name] for name in names if name in facts.attributes}


def _exemplar(facts: SpanFacts) -> Context:
    context = span_context(facts.trace, facts.span, sampled=facts.sampled)
    return set_span_in_context(NonRecordingSpan(context), Context())
