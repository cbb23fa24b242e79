"""For tests of agent workflows: an in-memory plugin, and the span tree of a run as text that a test can compare.

telemetry = InMemory()
client = await Client.connect(address, plugins=[OpenAIAgentsPlugin(...), telemetry.plugin()])
...
telemetry.assert_tree('''
    invoke_workflow Weather completed
      weather ok
        weather attempt 1 error ValueError
        weather attempt 2 ok
''')
"""

import itertools
import textwrap
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.util.types import AttributeValue

from durascope import conventions as c
from durascope.plugin import DurascopePlugin

Say = Callable[[ReadableSpan], str]


class CountingIds(IdGenerator):
    """Trace and span ids 1, 2, 3 ... for spans that a test makes itself; Durascope's own are hashes of who they are."""

    def __init__(self) -> None:
        self._traces, self._spans = itertools.count(1), itertools.count(1)

    def generate_trace_id(self) -> int:
        """See base class."""
        return next(self._traces)

    def generate_span_id(self) -> int:
        """See base class."""
        return next(self._spans)


class SteppingClock:
    """A clock that moves on by ``step`` nanoseconds each time it is read; from ``start``."""

    def __init__(self, start: int = 0, step: int = 1_000_000_000) -> None:
        self._now, self._step, self._lock = start - step, step, threading.Lock()

    def __call__(self) -> int:
        """The time, Unix nanoseconds."""
        with self._lock:
            self._now += self._step
            return self._now


@dataclass
class InMemory:
    """Everything that a plugin sends, kept. ``plugins`` made from it share it."""

    sampler: Sampler | None = None
    _spans: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    _logs: InMemoryLogRecordExporter = field(default_factory=InMemoryLogRecordExporter)
    _plugins: list[DurascopePlugin] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tracer_provider = TracerProvider(self.sampler, id_generator=CountingIds(), shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.logger_provider = LoggerProvider(shutdown_on_exit=False)
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self._logs))
        self._reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self._reader], shutdown_on_exit=False)

    def plugin(self, **settings: Any) -> DurascopePlugin:
        """A plugin that sends here; ``settings`` as for DurascopePlugin."""
        made = DurascopePlugin(self.tracer_provider, self.meter_provider, self.logger_provider, **settings)
        self._plugins.append(made)
        return made

    def spans(self, kind: str | None = None, **attributes: AttributeValue) -> list[ReadableSpan]:
        """Finished spans so far in order of start, of one ``conventions.KIND`` if that is given."""
        self._flush()
        found = [each for each in self._spans.get_finished_spans() if kind in (None, attribute(each, c.KIND))]
        kept = [each for each in found if all(attribute(each, name) == value for name, value in attributes.items())]
        return sorted(kept, key=_order)

    def attempts(self, activity_type: str | None = None) -> list[ReadableSpan]:
        """Attempt spans, of one activity type if that is given."""
        found = self.spans(c.SPAN_ATTEMPT)
        return [each for each in found if activity_type in (None, attribute(each, c.ACTIVITY_TYPE))]

    def events(self, name: str = c.EVENT_ATTEMPT_STARTED) -> list[ReadableLogRecord]:
        """Log events so far of this name."""
        self._flush()
        return [each for each in self._logs.get_finished_logs() if each.log_record.event_name == name]

    def points(self, metric: str) -> list[Any]:
        """The data points of a metric, as the OpenTelemetry SDK has them."""
        data = self._reader.get_metrics_data()
        found = [m for r in (data.resource_metrics if data else []) for s in r.scope_metrics for m in s.metrics]
        return [point for each in found if each.name == metric for point in each.data.data_points]

    def assert_tree(self, expected: str, say: Say | None = None) -> None:
        """Compare the whole tree with an outline; on a difference the tree that was found is in the message."""
        found = span_tree(self.spans(), say)
        wanted = textwrap.dedent(expected).strip("\n").rstrip()
        assert found == wanted, f"the span tree is:\n{found}\n\nexpected:\n{wanted}"

    def clear(self) -> None:
        """Forget the spans and events so far."""
        self._flush()
        self._spans.clear()
        self._logs.clear()

    def _flush(self) -> None:
        for each in self._plugins:
            each.force_flush()


def attribute(span: ReadableSpan, name: str) -> Any:
    """A span's attribute, or None."""
    return (span.attributes or {}).get(name)


def describe(span: ReadableSpan) -> str:
    """``name outcome error-type``, as far as the span says them."""
    outcome = attribute(span, c.OUTCOME) or {"ERROR": "error"}.get(span.status.status_code.name)
    return " ".join(str(part) for part in (span.name, outcome, attribute(span, c.ERROR_TYPE)) if part is not None)


def span_tree(spans: Iterable[ReadableSpan], say: Say | None = None) -> str:
    """Spans as an outline, two blanks a level, siblings by start; a span whose parent is not among them is a root."""
    say = say or describe
    ordered = sorted(spans, key=_order)
    known = {span.context.span_id for span in ordered if span.context}
    children: dict[int, list[ReadableSpan]] = {}
    for span in ordered:
        parent = span.parent.span_id if span.parent and span.parent.span_id in known else 0
        children.setdefault(parent, []).append(span)
    return "\n".join(_lines(children, 0, "", say))


def _lines(children: dict[int, list[ReadableSpan]], parent: int, indent: str, say: Say) -> Sequence[str]:
    found: list[str] = []
    for span in children.get(parent, ()):
        found.append(indent + say(span))
        found += _lines(children, span.context.span_id if span.context else 0, indent + "  ", say)
    return found


def _order(span: ReadableSpan) -> tuple[int, int, str]:
    # Workflow time stands still within a workflow task, so many spans start together: then the longer is the outer.
    return span.start_time or 0, -(span.end_time or 0), span.name
