"""Charts over time and of shares, in the palette of the page. Altair; each has words for who cannot see it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt
import pandas as pd
import streamlit as st

from durascope_dashboard.panels import markup

HEIGHT: Final = 190
# Okabe-Ito by name of the palette, in the order in which series get them.
_SERIES: Final = ("model", "tool", "handoff", "timeout", "timer", "activity", "error", "backoff")
_LEGEND: Final = alt.Legend(orient="top", labelLimit=260, offset=4, padding=0, symbolSize=90)
_LINES: Final = alt.Legend(orient="top", labelLimit=260, offset=4, padding=0, symbolType="stroke", symbolStrokeWidth=2)
_DAY: Final = 86_400_000_000


def series_colors(names: Sequence[str]) -> dict[str, str]:
    """A colour for each name, the same for the same order."""
    colors = markup.colors()
    return {name: colors[_SERIES[i % len(_SERIES)]] for i, name in enumerate(names)}


def _long(frame: pd.DataFrame, columns: Mapping[str, str], scale: float) -> pd.DataFrame:
    wide = pd.DataFrame({title: frame[name].astype("Float64") / scale for name, title in columns.items()})
    wide["time"] = pd.to_datetime(frame["bucket"].astype("Int64"), unit="us", utc=True)
    long = wide.melt("time", var_name="series", value_name="value").dropna()
    return long.astype({"value": "float64"})


def _draw(chart: Any, words: str, key: str) -> None:
    # The frame's times are UTC and shall be read as UTC, wherever the reader sits.
    st.altair_chart(chart.properties(height=HEIGHT, usermeta={}), alt=words, key=key)


def _time(domain: tuple[int, int] | None) -> Any:
    scale = alt.Scale(type="utc")
    words = "%b %d %H:%M"
    if domain:
        scale = alt.Scale(type="utc", domain=[pd.Timestamp(t, unit="us", tz="UTC").isoformat() for t in domain])
        words = "%H:%M" if domain[1] - domain[0] <= 1.5 * _DAY else "%b %d"
    axis = alt.Axis(format=words, labelOverlap=True, tickCount=6, grid=False)
    return alt.X("time:T", title=None, scale=scale, axis=axis)


def over_time(
    frame: pd.DataFrame, columns: Mapping[str, str], *, unit: str, key: str, words: str, stacked: bool = False,
    colors: Sequence[str] = (), scale: float = 1.0, domain: tuple[int, int] | None = None, axis: str = "~s",
) -> None:  # fmt: skip
    """Columns of a frame with ``bucket`` (µs) as bars on top of each other, or as lines. ``colors``: palette names.

    ``axis`` is how d3 writes the values.
    """
    long = _long(frame, columns, scale)
    if long.empty:
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
        x=_time(domain), color=chosen,
        tooltip=[alt.Tooltip("time:T", title="UTC", format="%b %d %H:%M:%S"), alt.Tooltip("series:N", title=" "),
                 alt.Tooltip("value:Q", title=unit, format=",.4~g")],
    )  # fmt: skip
    value = alt.Y("value:Q", title=unit, axis=alt.Axis(tickCount=4, format=axis), stack="zero" if stacked else None)
    if stacked:
        width = _width(frame, domain)
        _draw(base.mark_bar(size=width).encode(y=value), words, key)
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
    frame: pd.DataFrame, columns: Mapping[str, str], *, key: str, words: str, colors: Sequence[str] = (),
    domain: tuple[int, int] | None = None, stacked: bool = False, unit: str = "",
) -> None:  # fmt: skip
    """Columns in ms, drawn in the unit that suits the largest."""
    most = max((float(frame[name].max()) for name in columns if frame[name].notna().any()), default=0.0)
    scale, name = next((step for step in reversed(_STEPS) if most >= 2 * step[0]), _STEPS[0])
    over_time(
        frame, columns, unit=f"{name}{unit}", key=key, words=words, colors=colors, scale=scale, domain=domain,
        stacked=stacked,
    )  # fmt: skip


def _width(frame: pd.DataFrame, domain: tuple[int, int] | None) -> float:
    """Bars that nearly touch, on a chart some 560 px wide."""
    buckets = frame["bucket"].dropna().drop_duplicates().sort_values()
    if not domain or len(buckets) < 2:
        return 8.0
    step = int(buckets.diff().dropna().min())
    return max(2.0, min(26.0, 0.82 * 520 * step / max(1, domain[1] - domain[0])))


def by_value(
    frame: pd.DataFrame, column: str, *, unit: str, key: str, words: str, top: int = 7,
    scale: float = 1.0, domain: tuple[int, int] | None = None, stacked: bool = True, axis: str = "~s",
) -> None:  # fmt: skip
    """One column of a frame with ``bucket`` and ``value``: the largest values by name, the rest as "other"."""
    size = frame.groupby("value", dropna=False)[column].sum().sort_values(ascending=False)
    kept = [str(name) for name in size.head(top).index]
    named = frame.assign(value=[str(v) if str(v) in kept else "other" for v in frame["value"].fillna("(none)")])
    wide = named.pivot_table(index="bucket", columns="value", values=column, aggfunc="sum").reset_index()
    names = [n for n in (*kept, "other") if n in wide.columns]
    over_time(
        wide, {n: n for n in names}, unit=unit, key=key, words=words, stacked=stacked, scale=scale, domain=domain,
        axis=axis,
    )  # fmt: skip
