"""What a chart over time is given to draw."""

import pandas as pd

from durascope_dashboard.panels.charts import Axis, with_gaps

MINUTE_MS = 60_000
MINUTE = 1000 * MINUTE_MS


def test_a_line_does_not_lead_across_what_nobody_knows() -> None:
    """A bucket without data between two with data is a row without a value, where the line ends and begins again."""
    axis = Axis(0, 10 * MINUTE, MINUTE_MS)
    frame = pd.DataFrame({"bucket": pd.array([2 * MINUTE, 3 * MINUTE, 6 * MINUTE], "Int64"), "p95": [1.0, 2.0, 3.0]})
    found = with_gaps(frame, axis)
    assert [bucket // MINUTE for bucket in found["bucket"]] == [2, 3, 4, 5, 6]
    assert found["p95"].isna().tolist() == [False, False, True, True, False]


def test_nothing_is_added_before_the_first_bucket_after_the_last_or_in_a_very_long_time() -> None:
    """An empty frame stays empty, a whole one as it is; a year of seconds would be more points than a screen has."""
    axis = Axis(0, 10 * MINUTE, MINUTE_MS)
    whole = pd.DataFrame({"bucket": pd.array([2 * MINUTE, 3 * MINUTE], "Int64"), "p95": [1.0, 2.0]})
    assert len(with_gaps(whole, axis)) == 2
    assert with_gaps(whole.head(0), axis).empty
    far = whole.assign(bucket=pd.array([0, 20_000 * MINUTE], "Int64"))
    assert len(with_gaps(far, axis)) == 2
