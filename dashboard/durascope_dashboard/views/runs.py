"""The Runs page: which runs are in trouble now. Every filter is in the URL; a click on a row opens its run."""

from typing import Any

import pandas as pd
import streamlit as st

from durascope_dashboard import data
from durascope_dashboard.panels import states
from durascope_dashboard.panels.filters import Filters, bar, clear
from durascope_dashboard.panels.runs_table import CELLS, display

PAGE_ROWS = 100
LIVE_S = 2.0


def page() -> None:
    """Draw the page."""
    st.markdown("### Runs")
    with states.guarded():
        filters = bar()
        live = LIVE_S if st.session_state.get("live", True) and not _ticked() else None
        st.fragment(_table, run_every=live, key="runs")(filters)


def _ticked() -> list[int]:
    selection = st.session_state.get("table", {}).get("selection", {})
    return list(selection.get("rows", []))


def _table(filters: Filters) -> None:
    with states.guarded():
        shown = int(st.session_state.get("shown", PAGE_ROWS))
        found = data.query("runs", limit=shown + 1, **filters.params())
        if found.empty:
            _nothing(filters)
            return
        rows = found.head(shown)
        st.caption(_summary(rows, more=len(found) > shown))
        event: Any = st.dataframe(
            display(rows, data.now()), key="table", hide_index=True, on_select="rerun",
            selection_mode=["multi-row", "single-cell"], column_config=CELLS, height=_height(len(rows)), row_height=30,
            alt="Runs, newest first",
        )  # fmt: skip
        _opened(event, rows)
        if len(found) > shown:
            st.button("Show more", on_click=_more, args=(shown,))


def _opened(event: Any, rows: pd.DataFrame) -> None:
    ticked = [data.rows(rows.iloc[[i]])[0] for i in event.selection.rows if i < len(rows)]
    if (
        len(ticked) == 2
        and "compare" in st.session_state["pages"]
        and st.button("Compare these two", type="primary", icon=":material/compare_arrows:")
    ):
        a, b = ticked
        st.switch_page(
            st.session_state["pages"]["compare"],
            query_params={"a": a["workflow_id"], "a_run": a["run_id"], "b": b["workflow_id"], "b_run": b["run_id"]},
        )
    cells = [cell for cell in event.selection.cells if cell[0] < len(rows)]
    if cells:
        row = data.rows(rows.iloc[[cells[0][0]]])[0]
        st.switch_page(
            st.session_state["pages"]["run"],
            query_params={k: str(row[k]) for k in ("workflow_id", "run_id", "namespace")},
        )


def _nothing(filters: Filters) -> None:
    if filters.any():
        states.no_match(clear)
    else:
        states.empty_store()


def _more(shown: int) -> None:
    st.session_state["shown"] = shown + 5 * PAGE_ROWS


def _height(rows: int) -> int:
    return 36 + 30 * min(max(rows, 1), 22) + 2


def _summary(rows: pd.DataFrame, *, more: bool) -> str:
    running = int((rows["status"] == "running").sum())
    first = f"first {len(rows)} runs" if more else f"{len(rows)} run{'s' if len(rows) != 1 else ''}"
    return f"{first} · {running} running · click a row to open it, tick two to compare · times in UTC"
