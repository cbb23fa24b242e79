"""The Runs page: which runs are in trouble now. Every filter is in the URL; a click on a row opens its run."""

from typing import Final

import pandas as pd
import streamlit as st

from durascope_dashboard import data, units
from durascope_dashboard.panels import again, grid, states, ticks
from durascope_dashboard.panels import runs_table as table
from durascope_dashboard.panels.filters import HELP, Filters, bar
from durascope_dashboard.table import component

PAGE_ROWS: Final = 100
MOST_ROWS: Final = 1000
LIVE_S: Final = 2.0
NAMED_ERRORS: Final = 200
"""Runs whose last error is looked up: what is in sight of a page, and short enough for one URL."""


def page() -> None:
    """Draw the page."""
    with states.guarded():
        filters = bar()
        live = LIVE_S if st.session_state.get("live", True) and not ticks.named() else None
        again.every(live, _table, key="runs")(filters)


def _table(filters: Filters) -> None:
    with states.guarded():
        shown = int(st.session_state.get("shown", PAGE_ROWS))
        asked = {"limit": shown, **filters.params(), **filters.order()}
        view = ticks.view(asked)
        before = ticks.last(view)
        # While a person ticks, no row moves away below the pointer.
        rows = before if before is not None and ticks.named() else data.query("runs", **asked)
        if rows.empty:
            _nothing(filters)
            return
        totals = data.records("run_totals", **filters.params())[0]
        st.caption(summary(totals, len(rows), filters))
        with st.container(key="runs_table"):
            said = component.show(
                table.CELLS, table.order(filters.trouble), table.rows(rows, data.now(), _errors(rows)), key="runs",
                label="Runs", view=view, ticked=ticks.named(),
            )  # fmt: skip
        ticks.keep(view, rows)
        _heard(said, rows)
        _below(rows, totals["runs"], shown)


def _below(rows: pd.DataFrame, count: int, shown: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if count > len(rows) and shown < MOST_ROWS:
            st.button(f"Show {min(5 * PAGE_ROWS, count - len(rows))} more", on_click=_more, args=(shown,))
        elif count > len(rows):
            st.caption(f"The first {len(rows):,}; narrow the filters for others, or `durascope runs --json` for all.")
        grid.downloads(rows, "runs")


def _errors(rows: pd.DataFrame) -> dict[str, data.Row]:
    """Last errors of the open or failed runs in sight, by run id."""
    troubled = rows[(rows["failed_attempts"].fillna(0) > 0) & (rows["failure_type"].isna())]
    wanted = [str(run_id) for run_id in troubled["run_id"].head(NAMED_ERRORS)]
    if not wanted:
        return {}
    return {row["run_id"]: row for row in data.records("last_errors", run_id=wanted)}


def _heard(said: component.Said, rows: pd.DataFrame) -> None:
    if said.opened:
        st.switch_page(st.session_state["pages"]["run"], query_params=said.opened)
    if said.ticked is not None:
        live = not ticks.named()
        ticks.take(said.ticked)
        if live or not said.ticked:
            st.rerun()  # the page is live only while nothing is ticked
    if ticked := ticks.runs(rows):
        _compare(ticked)


def _compare(ticked: list[data.Row]) -> None:
    compare = st.session_state["pages"]["compare"]
    a = ticked[0]
    query = {"a": a["workflow_id"], "a_run": a["run_id"]}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if len(ticked) == 2:
            b = ticked[1]
            query |= {"b": b["workflow_id"], "b_run": b["run_id"]}
            if st.button("Compare these two", type="primary", icon=":material/compare_arrows:", key="compare_two"):
                st.switch_page(compare, query_params=query)
        elif len(ticked) == 1:
            if st.button("Compare with the median of its type", icon=":material/compare_arrows:", key="compare_median"):
                st.switch_page(compare, query_params={**query, "b": "median"})
        else:
            st.caption(f"{len(ticked)} runs ticked; tick two to compare them.", width="content")
        st.caption("The table stands still while runs are ticked.", width="content")


def _nothing(filters: Filters) -> None:
    if filters.any():
        states.no_match()
    else:
        states.empty_store()


def _more(shown: int) -> None:
    st.session_state["shown"] = min(shown + 5 * PAGE_ROWS, MOST_ROWS)


def summary(totals: data.Row, shown: int, filters: Filters) -> str:
    """One line about all runs that match, not only those in the table."""
    count = totals["runs"]
    part = f" (first {shown:,} shown: a heading sorts these, *Order* all)" if count > shown else ""
    first = f"**{units.many(count, 'run')}**{part}"
    billed, wasted = table.total(totals, "billed"), table.share_wasted(totals)
    least = "≥ " if totals["unknown_attempts"] else ""  # what nobody saw is not in the sum
    parts = [
        first, f"{totals['running'] or 0:,} running", f"{totals['failed'] or 0:,} failed",
        units.many(totals["retries"], "retry", "retries"),
        f"{least}{units.tokens(billed)}, {least}{units.money(totals['cost_billed'])}",
    ]  # fmt: skip
    if billed:
        parts.append("waste unknown" if wasted is None else f"{units.percent(wasted, 1.0)} wasted")
    known = HELP.get(filters.trouble)
    return " · ".join(parts).replace("$", "\\$") + (f"  \n{known}" if known else "")
