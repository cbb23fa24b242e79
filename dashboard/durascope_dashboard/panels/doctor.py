"""What `durascope doctor` says of the same data: the same checks and words, as a table of the page."""

from typing import Final

import pandas as pd
import streamlit as st

from durascope_dashboard import data
from durascope_dashboard.analysis import diagnosis
from durascope_dashboard.analysis.diagnosis import Finding, Level
from durascope_dashboard.exceptions import DurascopeError
from durascope_dashboard.panels import grid, markup
from durascope_dashboard.panels.period import Period

LOOKED_AT: Final = 1000
MARKS: Final = {
    Level.OK: "✓ good", Level.WARNING: "! look", Level.FAILED: "✕ failed", Level.UNKNOWN: "– unknown",
}  # fmt: skip


def findings(stretch: Period) -> list[Finding]:
    """Checks of the collector, and of the newest runs of the period. Raises the StoreUnavailable family."""
    runs = data.rows(data.query("runs", limit=LOOKED_AT, **stretch.span()))
    workers = data.rows(data.query("workers", **stretch.span()))
    closed = [run for run in runs if run["status"] != "running"]
    found = [*diagnosis.collector(data.health()), *diagnosis.coverage(closed)]
    if closed:
        found += diagnosis.tokens([run for run in closed if run["models"] not in (None, "[]")])
    found += [_sources(stretch), diagnosis.clocks(workers), *diagnosis.builds(workers)]
    return found


def _sources(stretch: Period) -> Finding:
    try:
        return diagnosis.sources(data.rows(data.query("span_sources", since=stretch.since)))
    except DurascopeError as error:
        return Finding("token sources", Level.UNKNOWN, str(error))


def draw(stretch: Period) -> None:
    """The table, what fails first."""
    order = (Level.FAILED, Level.WARNING, Level.UNKNOWN, Level.OK)
    found = sorted(findings(stretch), key=lambda f: order.index(f.level))
    rows = [(MARKS[f.level], f.check, f.found, f.next_step) for f in found]
    st.markdown("###### What doctor says")
    markup.html(markup.table(("", "Check", "Found", "What to do"), rows))
    grid.downloads(pd.DataFrame(rows, columns=["level", "check", "found", "next_step"]), "doctor")
