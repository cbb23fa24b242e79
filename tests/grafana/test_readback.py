"""The comparison with `durascope show` finds nothing where all is well, and names what is not."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from durascope_dashboard.analysis.view import run_object
from durascope_dashboard.export import otlp
from durascope_dashboard.export.spans import run_trace
from grafana.checks.readback import Span, differences, from_otlp
from tests.export.fleet import fleet

ROWS = next(fleet().each())
SHOWN = run_object(ROWS.run, ROWS.operations, ROWS.attempts) | {"trace_id": run_trace(ROWS)[0].trace_id}
SPANS = from_otlp(otlp.request(run_trace(ROWS)).resource_spans)


def _attempt(number: int) -> int:
    return next(i for i, span in enumerate(SPANS) if span.attributes.get("durascope.attempt") == number)


def _changed(number: int, **changes: object) -> list[Span]:
    where = _attempt(number)
    return [*SPANS[:where], replace(SPANS[where], **changes), *SPANS[where + 1 :]]  # type: ignore[arg-type]  # by name


def test_a_history_only_trace_equals_show() -> None:
    """Run, attempts, times, outcomes, tokens, parents."""
    assert differences(SPANS, SHOWN) == []


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda: [*SPANS, SPANS[-1]], "there twice"),
        (lambda: [*SPANS[: _attempt(2)], *SPANS[_attempt(2) + 1 :]], "attempts differ: [('1', 2)]"),
        (lambda: _changed(1, status="ok"), "has span status ok for error"),
        (lambda: _changed(1, parent_id="f" * 16), "without their parent"),
        (lambda: _changed(2, end=SPANS[_attempt(2)].end + 5000), "ran from"),
        (lambda: _changed(2, attributes={**SPANS[_attempt(2)].attributes, "gen_ai.usage.input_tokens": 7}), "tokens"),
        (lambda: _changed(2, trace_id="a" * 32), "trace ids"),
    ],
)  # fmt: skip
def test_each_difference_is_named(spoil: Callable[[], list[Span]], says: str) -> None:
    """A span that is there twice, missing, moved, of another trace, or says something else."""
    assert any(says in problem for problem in differences(spoil(), SHOWN))
