"""Charts over time and of shares, in the palette of the page. Altair; each has words for who cannot see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import altair as alt
import pandas as pd
import streamlit as st

from durascope_dashboard.panels import markup

HEIGHT: Final = 190
# Okabe-Ito by name of the palette, in the order in which series get them.
_SERIES: Final = ("model", "tool", "handoff", "timeout", "timer", "activity", "error", "backoff")
# The theme keeps room for a title, 20 px, where a legend has none: the plots of a row would differ in height.
_TOP: Final[dict[str, Any]] = {
    "orient": "top",
    "labelLimit": 260,
    "offset": 4,
    "padding": 0,
    "titleFontSize": 0,
    "titlePadding": 0,
}
_LEGEND: Final = alt.Legend(**_TOP, title=None, symbolSize=90)
_LINES: Final = alt.Legend(**_TOP, title=None, symbolType="stroke", symbolStrokeWidth=2)
_DAY: Final = 86_400_000_000
_MOST_BUCKETS: Final = 5_000
_MINUTES: Final = 10 * 60_000_000
_FILLED: Final = 0.86
"""Of a bucket's width, its bar: the rest is the gap to the next, however wide the page is."""
_EDGE: Final = 24
"""Labels of times this near (px) to the ends of the axis stay within it."""


@dataclass(frozen=True)
class Axis:
    """From when until when (µs), and how wide a bucket is (ms)."""

    since: int
    until: int
    bucket_ms: int

    @property
    def words(self) -> str:
        """How d3 writes its times."""
        length = self.until - self.since
        return "%H:%M:%S" if length < _MINUTES else "%H:%M" if length <= 1.5 * _DAY else "%b %d"


def series_colors(names: Sequence[str]) -> dict[str, str]:
    """A colour for each name, the same for the same order."""
    colors = markup.colors()
    return {name: colors[_SERIES[i % len(_SERIES)]] for i, name in enumerate(names)}


def _long(frame: pd.DataFrame, columns: Mapping[str, str], scale: float, axis: Axis) -> pd.DataFrame:
    wide = pd.DataFrame({title: frame[name].astype("Float64") / scale for name, title in columns.items()})
    begun = frame["bucket"].astype("Int64")
    wide["time"] = pd.to_datetime(begun, unit="us", utc=True)
    wide["middle"] = pd.to_datetime(begun + axis.bucket_ms * 500, unit="us", utc=True)
    wide["until"] = pd.to_datetime(begun + int(axis.bucket_ms * 1000 * _FILLED), unit="us", utc=True)
    long = wide.melt(["time", "middle", "until"], var_name="series", value_name="value")
    return long.astype({"value": "float64"})


def _stacked(long: pd.DataFrame) -> pd.DataFrame:
    """From where to where each value stands on those before it: Vega itself stacks no bars with an end of their own."""
    upper = long.groupby("time")["value"].cumsum()
    return long.assign(upper=upper, lower=upper - long["value"])


def with_gaps(frame: pd.DataFrame, axis: Axis) -> pd.DataFrame:
    """A row for each bucket between the first and the last: a line must not lead across what nobody knows."""
    if frame.empty:
        return frame
    step, begun = axis.bucket_ms * 1000, frame["bucket"].astype("int64")
    whole = pd.DataFrame({"bucket": range(int(begun.min()), int(begun.max()) + 1, step)})
    return whole.merge(frame, on="bucket", how="outer") if len(whole) <= _MOST_BUCKETS else frame


def readable(chart: Any) -> Any:
    """The chart with words in the page's own colours: Streamlit's are too faint."""
    colors = markup.colors()
    words = {"labelColor": colors["muted"], "titleColor": colors["muted"]}
    return chart.configure_axis(**words).configure_legend(**words)


def _draw(chart: Any, words: str, key: str) -> None:
    # The frame's times are UTC and shall be read as UTC, wherever the reader sits.
    st.altair_chart(readable(chart.properties(height=HEIGHT, usermeta={})), alt=words, key=key)


def _time(over: Axis, field: str) -> Any:
    ends = [pd.Timestamp(t, unit="us", tz="UTC").isoformat() for t in (over.since, over.until)]
    axis = alt.Axis(format=over.words, labelOverlap=True, labelFlush=_EDGE, tickCount=6, grid=False)
    return alt.X(f"{field}:T", title=None, scale=alt.Scale(type="utc", domain=ends), axis=axis)


def over_time(
    frame: pd.DataFrame, columns: Mapping[str, str], *, unit: str, key: str, words: str, stacked: bool = False,
    over: Axis, colors: Sequence[str] = (), scale: float = 1.0, axis: str = "~s",
) -> None:  # fmt: skip
    """Columns of a frame with ``bucket`` (µs) as bars on top of each other, or as lines. ``colors``: palette names.

    ``axis`` is how d3 writes the values.
    """
    long = _long(frame if stacked else with_gaps(frame, over), columns, scale, over)
    if stacked:
        long = _stacked(long.dropna())
    if long["value"].isna().all():
        with st.container(height=HEIGHT, border=False):
            st.caption("Nothing in this period.")
        return
    palette = markup.colors()
    names = list(columns.values())
    many = len(names) > 1
    range_ = [palette[c] for c in colors] if colors else list(series_colors(names).values())
    chosen = alt.Color("series:N", title=None, scale=alt.Scale(domain=names, range=range_),
                       legend=(_LEGEND if stacked else _LINES) if many else None)  # fmt: skip
    base = alt.Chart(long).encode(
        x=_time(over, "time" if stacked else "middle"), color=chosen,
        tooltip=[alt.Tooltip("time:T", title="UTC", format="%b %d %H:%M:%S"), alt.Tooltip("series:N", title=" "),
                 alt.Tooltip("value:Q", title=unit, format=",.4~g")],
    )  # fmt: skip
    value = alt.Y("upper:Q" if stacked else "value:Q", title=unit, axis=_values(axis), stack=None)
    if stacked:
        _draw(base.mark_rect().encode(x2="until:T", y=value, y2="lower:Q"), words, key)
    else:
        lines = base.mark_line(strokeWidth=1.8, point=alt.OverlayMarkDef(size=26)).encode(
            y=value,
            strokeDash=alt.StrokeDash(
                "series:N", title=None, scale=alt.Scale(domain=names), legend=_LINES if many else None
            ),
        )
        _draw(lines, words, key)


_STEPS: Final = ((1.0, "ms"), (1000.0, "s"), (60_000.0, "min"), (3_600_000.0, "h"))


def durations(
    frame: pd.DataFrame, columns: Mapping[str, str], *, key: str, words: str, over: Axis,
    colors: Sequence[str] = (), stacked: bool = False, unit: str = "",
) -> None:  # fmt: skip
    """Columns in ms, drawn in the unit that suits the largest."""
    most = max((float(frame[name].max()) for name in columns if frame[name].notna().any()), default=0.0)
    scale, name = next((step for step in reversed(_STEPS) if most >= step[0]), _STEPS[0])
    over_time(
        frame, columns, unit=f"{name}{unit}", key=key, words=words, colors=colors, scale=scale, over=over,
        stacked=stacked, axis="~g",
    )  # fmt: skip


def _values(words: str) -> Any:
    # With `format` alone, Vega writes all ticks with one prefix: a 0 would be 0k.
    return alt.Axis(tickCount=4, labelExpr=f"format(datum.value, '{words}')")


def by_value(
    frame: pd.DataFrame, column: str, *, unit: str, key: str, words: str, top: int = 7,
    over: Axis, scale: float = 1.0, stacked: bool = True, axis: str = "~s",
) -> None:  # fmt: skip
    """One column of a frame with ``bucket`` and ``value``: the largest values by name, the rest as "other"."""
    named = frame.assign(value=frame["value"].astype("object").fillna("(none)").astype(str))
    size = named.groupby("value")[column].sum().sort_values(ascending=False)
    kept = list(size.head(top).index)
    named = named.assign(value=[v if v in kept else "other" for v in named["value"]])
    wide = named.pivot_table(index="bucket", columns="value", values=column, aggfunc="sum").reset_index()
    names = [n for n in (*kept, "other") if n in wide.columns]
    over_time(
        wide, {n: n for n in names}, unit=unit, key=key, words=words, stacked=stacked, scale=scale, over=over,
        axis=axis,
    )  # fmt: skip
