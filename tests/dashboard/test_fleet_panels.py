"""The pure parts of the fleet's pages: storms, drill-down, deltas, waste in words, downloads, escaping."""

import dataclasses
import io
from typing import Any

import pandas as pd
import pytest

from durascope_dashboard.analysis.compare import Comparison, Delta
from durascope_dashboard.panels import delta, drill_down, filters, grid, period, runs_table, storms, waste
from durascope_dashboard.panels.plain import plain
from durascope_dashboard.panels.runs_table import rows, why
from durascope_dashboard.store import schema
from durascope_dashboard.views import runs

MINUTE = 60_000_000


def bucket(minute: int, value: str, attempts: int, failed: int) -> dict[str, Any]:
    """One row of the query ``attempt_series``."""
    return {"bucket": minute * MINUTE, "value": value, "attempts": attempts, "failed": failed}


def test_a_storm_is_neighbouring_minutes_in_which_most_attempts_fail() -> None:
    """Two storms of one activity with a calm minute between stay two; few failures, or a small share, are none."""
    rows = [
        bucket(1, "search", 10, 9), bucket(2, "search", 12, 8), bucket(3, "search", 50, 6), bucket(4, "search", 9, 7),
        bucket(1, "model", 4, 4), bucket(2, "fetch", 6, 5),
    ]  # fmt: skip
    found = storms.storms(rows, 60_000)
    assert [(s.value, s.since // MINUTE, s.until // MINUTE, s.failed, s.worst) for s in found] == [
        ("search", 1, 3, 17, 9), ("search", 4, 5, 7, 7), ("fetch", 2, 3, 5, 5),
    ]  # fmt: skip


def test_the_drill_down_puts_what_sets_the_bad_ones_apart_first() -> None:
    """An attribute with one value tells nothing; neither does a value that is as frequent among the others."""
    frame = pd.DataFrame(
        {
            "attribute": ["build", "build", "queue", "queue", "type"],
            "value": ["v12", "v13", "a", "b", "only"],
            "selected": [10, 90, 50, 50, 100],
            "rest": [700, 300, 500, 500, 1000],
        }
    )
    found = drill_down.compared(frame)
    assert found[["attribute", "value"]].values.tolist() == [["build", "v13"]]
    assert found.loc[0, "rate"] == pytest.approx(90 / 390)
    assert drill_down.sentence(found, "failed attempts") == (
        "90 % of the failed attempts have build “v13”, against 30 % of all others."
    )


def comparison(*deltas: Delta) -> Comparison:
    """A comparison that holds only numbers."""
    zero = [Delta(name, "ms", 0.0, 0.0) for name in delta.NAMES if name.startswith("time_")]
    named = {d.name: d for d in (*zero, *deltas)}
    return Comparison({}, {}, tuple(named.values()), (), None, ())


def test_the_headline_says_what_made_the_difference() -> None:
    """The classes of time that moved the same way, the largest first."""
    found = comparison(
        Delta("duration_ms", "ms", 10_000.0, 40_000.0, False), Delta("time_backoff_ms", "ms", 0.0, 24_000.0, False),
        Delta("time_model_ms", "ms", 5_000.0, 11_500.0, False), Delta("time_queue_ms", "ms", 900.0, 400.0, True),
    )  # fmt: skip
    assert delta.headline(found) == "B took 30.0 s longer than A (+300 %): backoff +24.0 s, model +6.50 s."
    usual = dataclasses.replace(found, b={"runs": 9})
    assert delta.headline(usual).startswith("A took 30.0 s less than the median (−75 %): backoff −24.0 s")
    assert "(<1 %)" in delta.headline(comparison(Delta("duration_ms", "ms", 100_000.0, 99_900.0, True)))
    unknown = comparison(Delta("duration_ms", "ms", None, 1.0))
    assert "cannot be compared" in delta.headline(unknown)


def test_a_difference_is_better_or_worse_and_unknown_is_neither() -> None:
    """Direction by sign, judgement by word."""
    assert delta.verdict(Delta("retries", "count", 1, 3, False)) == "▲ worse"
    assert delta.verdict(Delta("retries", "count", 3, 1, True)) == "▼ better"
    assert delta.verdict(Delta("operations", "count", 3, 4)) == "▲"
    assert delta.verdict(Delta("cost_billed", "usd", None, 4.0)) == ""
    assert delta.words(None, "usd") == "–"
    assert delta.words(-0.00003, "usd", signed=True) == "<$0.0001"
    assert delta.verdict(Delta("time_model_ms", "ms", 1000.0, 1030.0, False)) == ""
    assert delta.words(-0.25, "share", signed=True) == "−25.0 %"


def test_waste_of_unknown_usage_is_unknown_not_zero() -> None:
    """Rows without any known tokens stay unknown, and the sentence says that the cost is a lower bound."""
    frame = pd.DataFrame(
        {
            "value": ["rate limited (HTTP 429)", "timed out"], "attempts": [4, 2], "model_attempts": [4, 1],
            "unknown": [4, 0], "runs": [2, 1], "tokens_input": pd.array([None, 900], "Int64"),
            "tokens_output": pd.array([None, 100], "Int64"), "cost": [None, 0.5], "run_ms": [100.0, 900.0],
            "backoff_ms": [8000.0, 1000.0],
        }
    )  # fmt: skip
    found = waste.priced(frame)
    assert pd.isna(found["tokens"].iloc[0]) and found["tokens"].iloc[1] == 1000
    assert waste.sentence(found, "the last 1 h") == (
        "In the last 1 h, 6 attempts came to nothing: 1.0k tokens ($0.5000) and 10.0 s of run time and backoff. "
        "The tokens of 4 of them are unknown, so the cost is at least this. "
        "Most of the time went to: rate limited (HTTP 429) (81 %)."
    )


def test_a_download_is_exact_and_runs_no_formula() -> None:
    """CSV keeps every digit but defuses what a spreadsheet would run; Parquet keeps the text as it is."""
    frame = pd.DataFrame({"name": ["=1+1", "@x", "fine", None], "ms": [1.23456789, 2.0, 3.0, 4.0]})
    csv = pd.read_csv(io.BytesIO(grid.csv(frame)))
    assert csv["name"].tolist()[:3] == ["'=1+1", "'@x", "fine"]
    assert csv["ms"].tolist() == frame["ms"].tolist()
    assert pd.read_parquet(io.BytesIO(grid.parquet(frame)))["name"].tolist()[:2] == ["=1+1", "@x"]


def test_text_from_data_is_never_markdown() -> None:
    """Every sign that Markdown reads is escaped, line breaks vanish, and long text is cut."""
    assert plain("[a](http://x) **b**\n# c") == r"\[a\]\(http\://x\) \*\*b\*\* \# c"
    assert len(plain("y" * 500)) == 80


def test_buckets_are_round_and_few() -> None:
    """An hour in minutes, a day in half hours, a year in weeks."""
    hour = 3_600_000_000
    assert [period.bucket_ms(0, span) // 1000 for span in (hour, 24 * hour, 24 * 365 * hour)] == [60, 1800, 604_800]


def run(**values: Any) -> dict[str, Any]:
    """A row of ``runs``, null where nothing is given."""
    return dict.fromkeys(schema.RUNS.names) | {"status": "running", "workflow_id": "w", "run_id": "r"} | values


def test_an_unknown_run_is_drawn_as_unknown() -> None:
    """A run of which nothing is known yet has no zeros."""
    (row,) = rows(pd.DataFrame([run()]), 0)
    assert {row.cells[name] for name in ("tokens", "cost", "waste", "attempts")} == {("–", None)}
    assert row.cells["duration"] == (("–", 0.0), None)


def test_no_waste_seen_is_not_no_waste() -> None:
    """Of a run with attempts that nobody saw the share is known only once some waste was seen."""
    known = {"billed_input": 90, "billed_output": 10, "wasted_input": 0, "wasted_output": 0}
    assert runs_table.share_wasted(run(**known, unknown_attempts=0)) == 0
    assert runs_table.share_wasted(run(**known, unknown_attempts=2)) is None
    assert runs_table.share_wasted(run(**{**known, "wasted_input": 20}, unknown_attempts=2)) == 0.2
    (row,) = rows(pd.DataFrame([run(**known, unknown_attempts=2)]), 0)
    assert row.cells["waste"] == ("–", None) and row.cells["tokens"] == ("100+?", 100)


def test_why_is_the_failure_or_the_last_error_with_who_asked_for_the_wait() -> None:
    """The run's own failure first; else its last failed attempt."""
    error = {"error_type": "RateLimitError", "error_message": "429: slow down", "retry_by": "server"}
    assert why(run(retries=1), error) == "RateLimitError: 429: slow down · wait asked by the server"
    assert why(run(failure_type="ApplicationError", failure_message="no funds"), error) == "ApplicationError: no funds"
    assert why(run(retries=2, last_error_type="Timeout"), None) == "Timeout"
    assert why(run(), None) == ""


def at(*seconds: int) -> pd.DataFrame:
    """A series with something in the buckets that begin at these seconds."""
    return pd.DataFrame({"bucket": pd.array([1_000_000 * s for s in seconds], "Int64")})


def test_charts_of_young_data_have_an_axis_of_their_own() -> None:
    """Five minutes in a day: read again in finer buckets, until what is there fills the axis."""
    day = period.Period(0, 86_400_000_000, "the last 24 h")
    asked: list[int] = []

    def read(stretch: period.Period) -> tuple[pd.DataFrame, ...]:
        asked.append(stretch.bucket_ms)
        width = stretch.bucket_ms // 1000
        return (at(*sorted({s // width * width for s in range(40_000, 40_300)})),)

    drawn, (series,) = period.fitting(day, read)
    assert asked[0] == 1_800_000 and asked[-1] == 5_000
    assert drawn.drawn is not None and drawn.drawn[0] <= 40_000_000_000 and drawn.drawn[1] >= 40_300_000_000
    assert drawn.drawn[1] - drawn.drawn[0] <= 400_000_000
    assert drawn.params() == day.params()
    assert len(series) >= 60


def test_charts_of_a_full_or_an_empty_period_show_all_of_it() -> None:
    """Nothing is cut where there is something at both ends, or nothing at all; one bucket is shown a minute wide."""
    hour = period.Period(0, 3_600_000_000, "the last 1 h")
    assert period.fitted(hour, (at(60, 3000),)) == hour
    assert period.fitted(hour, (at(),)) == hour
    alone = period.fitted(period.Period(0, 600_000_000, "x"), (at(300),))
    assert alone.drawn is not None and alone.drawn[1] - alone.drawn[0] == 60_000_000


def test_the_sparkline_is_the_same_in_every_row() -> None:
    """One attempt is a fifth of the height, a retry storm is the whole of it, and many operations become few bars."""
    frame = pd.DataFrame([run(spark="[1,1,12]"), run(spark=str([1] * 200)), run(spark="no")])
    short, long, none = (row.cells["spark"][0] for row in rows(frame, 0))
    assert short == [1, 1, 5]
    assert len(long) <= 24
    assert none == []


def test_each_trouble_shows_columns_that_there_are_and_that_fit() -> None:
    """With the tick box and a scroll bar no view is wider than the page at 1280 pixels."""
    for trouble in filters.VIEWS:
        columns = runs_table.order(trouble)
        assert sum(runs_table.CELLS[name].width for name in columns) + 33 <= 1220, trouble


def test_an_id_is_cut_in_the_table_and_whole_in_the_download() -> None:
    """A build id of forty characters."""
    frame = pd.DataFrame({"build": ["9fef2a9ba19044a9088acb4c45503e96", "v13", None]})
    html = grid.styled(frame, {"build": grid.Column("Build", "id")}).to_html()
    assert "9fef2a9ba1…" in html and "v13" in html
    assert "9fef2a9ba19044a9088acb4c45503e96" in grid.csv(frame).decode()


def test_a_short_run_has_a_bar_beside_a_long_one() -> None:
    """By the logarithm: a hundredth has a third of the bar, and what is shorter still has one."""
    found = rows(pd.DataFrame([run(duration_ms=ms) for ms in (1.0, 1_000.0, 10_000.0, 100_000.0)]), 0)
    assert [row.cells["duration"][0][1] for row in found] == pytest.approx([0.02, 1 / 3, 2 / 3, 1])


def test_what_a_person_waits_for_comes_first() -> None:
    """The countdown before the operation, the number of an API error before the words that all of them share."""
    waits = {"current_operation": "web_search", "current_attempt": 3, "current_max_attempts": 5}
    (row,) = rows(pd.DataFrame([run(**waits, next_retry=9_000_000)]), 2_000_000)
    assert row.cells["now"][0] == "retry in 7.00 s · web_search · attempt 3/5"
    error = {"error_type": "APIStatusError", "error_message": "Retryable OpenAI status code: 429", "retry_by": None}
    assert why(run(), error) == "APIStatusError: 429"


def test_a_part_of_the_runs_is_called_a_part() -> None:
    """A heading sorts what is in the table; the line above says what sorts all."""
    totals = dict.fromkeys(("running", "failed", "retries", "unknown_attempts", "cost_billed"), 0)
    totals |= {f"{part}_{kind}": 1 for part in ("billed", "wasted") for kind in ("input", "output")}
    words = runs.summary({**totals, "runs": 250_000, "unknown_attempts": 1}, 100, filters.Filters())
    assert "250,000 runs** (first 100 shown: a heading sorts these, *Order* all)" in words
    assert "≥ 2 tokens, ≥ \\$0" in words
