"""What a chart over time is given to draw."""

from typing import Any

import pandas as pd
import pytest
import streamlit as st

from durascope_dashboard.panels import charts
from durascope_dashboard.panels.charts import Axis, with_gaps

MINUTE_MS = 60_000
MINUTE = 1000 * MINUTE_MS
HOUR = Axis(0, 60 * MINUTE, MINUTE_MS)


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


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What Altair is asked for, as Vega-Lite."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(st, "altair_chart", lambda chart, **_: found.append(chart.to_dict()))
    return found


def test_a_bar_is_as_wide_as_its_bucket_whatever_the_page(drawn: list[dict[str, Any]]) -> None:
    """From the bucket's start nearly to its end in time, not in pixels: neighbours never overlap. The series of a
    bucket stand on each other, in their order.
    """
    frame = pd.DataFrame({"bucket": pd.array([0, MINUTE], "Int64"), "n": [1, 2], "m": [3, 4]})
    charts.over_time(frame, {"n": "n", "m": "m"}, unit="n", key="k", words="w", stacked=True, over=HOUR)
    (chart,) = drawn
    assert chart["encoding"]["x"]["field"] == "time" and chart["encoding"]["x2"]["field"] == "until"
    (rows,) = chart["datasets"].values()
    assert [(row["lower"], row["upper"]) for row in rows] == [(0, 1), (0, 2), (1, 4), (2, 6)]
    assert pd.Timestamp("1970-01-01T00:00:40Z") < pd.Timestamp(rows[0]["until"]) < pd.Timestamp(rows[1]["time"])


def test_what_has_no_name_is_a_value_of_its_own(drawn: list[dict[str, Any]]) -> None:
    """Attempts without a known model are "(none)", not "other"."""
    frame = pd.DataFrame({"bucket": pd.array([0, 0], "Int64"), "value": pd.array(["m", None], "string"), "n": [1, 2]})
    charts.by_value(frame, "n", unit="n", key="k", words="w", over=Axis(0, 60 * MINUTE, MINUTE_MS))
    assert drawn[0]["encoding"]["color"]["scale"]["domain"] == ["(none)", "m"]
