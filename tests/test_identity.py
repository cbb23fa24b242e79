"""Identity: deterministic, collision-free, and safe on hostile trace headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durascope.identity import RunKey, parse_traceparent, run_span_id, trace_id, traceparent

KEYS = st.builds(RunKey, st.text(), st.text(), st.text())


@given(KEYS, KEYS)
def test_ids_differ_exactly_when_keys_differ(a: RunKey, b: RunKey) -> None:
    """Two runs share a trace id only if they are the same run, whatever characters their names hold."""
    assert (trace_id(a) == trace_id(b)) == (a == b)
    assert (run_span_id(a) == run_span_id(b)) == (a == b)


def test_ids_never_change() -> None:
    """Stored data is keyed by these values; a change here would split every run that is already stored."""
    key = RunKey("default", "order-1", "0190-run")
    assert f"{trace_id(key):032x}" == "24a4c1d4640e10f95213f82b9ed8f602"
    assert f"{run_span_id(key):016x}" == "ae84b8b5308445a6"


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.booleans())
def test_traceparent_round_trips(trace: int, span: int, sampled: bool) -> None:
    """What we write we read back."""
    assert parse_traceparent(traceparent(trace, span, sampled=sampled)) == (trace, span, sampled)


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "",
        "00-xyz",
        "00-" + "0" * 32 + "-" + "1" * 16 + "-01",
        "ff-" + "1" * 32 + "-" + "1" * 16 + "-01",
        "00-" + "1" * 32 + "-" + "1" * 16 + "-01-extra",
    ],
)
def test_malformed_traceparent_is_none(value: object) -> None:
    """A hostile header is no context, and no error."""
    assert parse_traceparent(value) is None


@given(st.text())
def test_any_text_is_parsed_without_an_error(value: str) -> None:
    """No input raises."""
    assert parse_traceparent(value) is None or value.strip().startswith(tuple("0123456789abcdef"))
