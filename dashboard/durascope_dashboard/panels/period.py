"""Which stretch of time, and which workflow types, a page looks at. Bound to the URL; times are UTC."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import pandas as pd
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from durascope_dashboard import data, units
from durascope_dashboard.panels import filters, states
from durascope_dashboard.panels.charts import Axis

PERIODS: Final = {"15 min": 900, "1 h": 3600, "6 h": 21_600, "24 h": 86_400, "7 d": 604_800, "30 d": 2_592_000}
ALL: Final = "All"
DEFAULT: Final = "1 h"
_STEPS: Final = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000)
_LEAST: Final = 60_000_000
_MOST_SHARE: Final = 0.6
_ROUND: Final = 10_000_000  # so that answers are shared between reruns


@dataclass(frozen=True)
class Period:
    """``since`` and ``until`` in µs; ``words`` for a sentence; ``drawn`` what charts show of it, if not all."""

    since: int
    until: int
    words: str
    types: tuple[str, ...] = ()
    drawn: tuple[int, int] | None = None
    buckets: int = 72

    @property
    def axis(self) -> Axis:
        """The time axis of its charts."""
        since, until = self.drawn or (self.since, self.until)
        return Axis(since, until, bucket_ms(since, until, self.buckets))

    @property
    def bucket_ms(self) -> int:
        """A round width that gives at most ``buckets`` of them."""
        return self.axis.bucket_ms

    def params(self) -> dict[str, Any]:
        """Parameters of a query over runs or attempts."""
        return {"since": self.since, "until": self.until, "workflow_type": list(self.types)}

    def span(self) -> dict[str, Any]:
        """The same without types, for queries that do not know them."""
        return {"since": self.since, "until": self.until}

    def series(self) -> dict[str, Any]:
        """Parameters of a query over time."""
        return {**self.params(), "bucket_ms": self.bucket_ms}


def bucket_ms(since: int, until: int, most: int = 72) -> int:
    """Milliseconds; the smallest round step that needs no more than ``most`` buckets."""
    seconds = max(1.0, (until - since) / 1e6)
    return next((step for step in _STEPS if seconds / step <= most), _STEPS[-1]) * 1000


Frames = tuple[pd.DataFrame, ...]


def fitting(period: Period, read: Callable[[Period], Frames]) -> tuple[Period, Frames]:
    """``read`` gives frames with ``bucket``; the period with charts of only what there is, and its frames.

    Data of minutes would be a stroke at the edge of an hour: it gets an axis and buckets of its own.
    """
    found = read(period)
    while (narrow := fitted(period, found)) != period:
        period, found = narrow, read(narrow)
    return period, found


def fitted(period: Period, series: Frames) -> Period:
    """The period with its charts narrowed to what the frames hold, if that is little of what is drawn now."""
    buckets = [bucket for frame in series for bucket in frame["bucket"].dropna()]
    if not buckets:
        return period
    axis = period.axis
    since, until = max(min(buckets), axis.since), min(max(buckets) + axis.bucket_ms * 1000, axis.until)
    room = max(0, _LEAST - (until - since)) // 2
    since, until = int(since - room), int(until + room)
    if until - since >= _MOST_SHARE * (axis.until - axis.since):
        return period
    return replace(period, drawn=(since, until))


def note(period: Period) -> None:
    """What the charts show, if it is not the whole period."""
    if period.drawn is None:
        return
    since, until = (units.moment(t)[:19] for t in period.drawn)
    if since[:10] == until[:10]:
        until = until[11:]
    st.caption(f"The charts show {since} to {until} UTC: in the rest of {period.words} there is nothing.")


@contextmanager
def _of_all_pages() -> Iterator[None]:
    """A control in here belongs to the app, not to a page: it keeps its value from page to page, and so does the URL.

    Of a control of another page Streamlit takes the parameter out of the URL to which Back has led.
    """
    context = get_script_run_ctx()
    if context is None:
        yield
        return
    with context.run_with_active_hash(context.pages_manager.main_script_hash):
        yield


def bar(*, types: bool = True) -> Period:
    """Draw the controls and when the page was read; answer what they say."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="period_bar"):
        with _of_all_pages():
            label = st.segmented_control(
                "Period", [*PERIODS, ALL], key="period", bind="query-params", default=DEFAULT, required=True
            )  # fmt: skip
            chosen = filters.facet("Workflow type", "type", filters.facet_values().get("workflow_type", []), 260,
                                   "all types") if types else ()  # fmt: skip
        st.space("stretch")
        st.button(f"as of {units.moment(data.now())[11:19]} UTC", icon=":material/refresh:", type="tertiary",
                  key="read_again", help="Read the page again; all times are UTC")  # fmt: skip
    return between(label or DEFAULT, chosen)


def between(label: str, types: tuple[str, ...] = ()) -> Period:
    """The period that ends now."""
    until = (data.now() // _ROUND + 1) * _ROUND
    if label in PERIODS:
        return Period(until - PERIODS[label] * 1_000_000, until, f"the last {label}", types)
    oldest = data.rows(data.query("totals"))[0]["oldest"]
    return Period(min(oldest or until, until - 60_000_000), until, "all time", types)


def _widen() -> None:
    st.session_state["period"] = ALL


def nothing(period: Period, what: str) -> None:
    """The state of a page whose period is empty: an empty store, or nothing in this stretch of time."""
    total = data.rows(data.query("totals"))[0]
    if not total["runs"]:
        states.empty_store()
        return
    newest = units.moment(total["newest"])
    states.explain(
        f"No {what} in {period.words}",
        f"the store has {units.many(total['runs'], 'run')}; the newest started {newest}.",
    )
    st.button("Show all time", on_click=_widen, icon=":material/date_range:")
