"""Ages as people write them: the same units wherever one may be written."""

from datetime import UTC, datetime, timedelta

import ibis
import pytest

from durascope_dashboard.analysis.run_filter import to_expression
from durascope_dashboard.cli._choices import Since
from durascope_dashboard.clock import age_s, micros_now, since
from durascope_dashboard.collector.settings import parse_age
from durascope_dashboard.store import schema
from durascope_dashboard.temporal.backfill import parse_since

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
RUNS = ibis.table(ibis.Schema.from_pyarrow(schema.RUNS), name="runs")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("12h", 43_200), ("7d", 604_800), ("2w", 1_209_600), ("1.5h", 5400)],
)
def test_every_unit_is_read_everywhere(text: str, seconds: int) -> None:
    """In `--keep`, in both `--since`, and as a duration in a filter."""
    assert (age_s(text), parse_age(text)) == (seconds, seconds)
    assert parse_since(text, NOW) == since(text, NOW) == NOW - timedelta(seconds=seconds)
    assert abs(micros_now() - seconds * 1_000_000 - Since().convert(text, None, None)) < 60_000_000
    assert to_expression(RUNS, f"duration_ms > {text}").equals(RUNS["duration_ms"] > seconds * 1000)


@pytest.mark.parametrize("text", ["", "7", "d", "7y", "-7d", "²d", "99999999999w", "yesterday"])
def test_what_is_no_age_is_no_moment(text: str) -> None:
    """Nor is an age that reaches back before the calendar."""
    with pytest.raises(ValueError, match=r"."):
        since(text, NOW)


def test_a_moment_without_a_zone_is_utc() -> None:
    """A date is its first moment."""
    assert since("2026-11-23") == datetime(2026, 11, 23, tzinfo=UTC)
    assert since("2026-11-23T12:00:00Z") == since("2026-11-23 12:00") == NOW
