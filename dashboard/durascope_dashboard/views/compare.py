"""The Compare page: run A against run B, or against the median of its type; or groups of runs against each other.

``?a=&a_run=&b=&b_run=`` name the runs by workflow id and run id; ``b=median`` is the median of A's type.
"""

from typing import Any, Final

import streamlit as st

from durascope_dashboard import data, links, units
from durascope_dashboard.analysis.compare import Comparison, Divergence, RunFrames, compare, compare_to_median
from durascope_dashboard.data import Row
from durascope_dashboard.panels import cohort, delta, markup, states, status, twin
from durascope_dashboard.panels.plain import plain

MEDIAN: Final = "median"
RECENT: Final = 300
MODES: Final = ("Two runs", "Groups of runs")


def page() -> None:
    """Draw the page."""
    with states.guarded():
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            st.markdown("### Compare", width="content")
            mode = st.segmented_control("Mode", MODES, key="mode", bind="query-params", default=MODES[0], required=True,
                                        label_visibility="collapsed")  # fmt: skip
        if mode == MODES[1]:
            cohort.draw()
            return
        chosen = _choose()
        if chosen is not None:
            _compared(*chosen)


def _choose() -> tuple[Row, Row | None] | None:
    """A's row and B's (None: the median), as the URL names them and the two boxes change it."""
    recent = data.rows(data.query("runs", limit=RECENT))
    if not recent:
        states.empty_store()
        return None
    left, right = st.columns(2)
    with left:
        a = _box("A", "a", recent, median=False)
    with right:
        b = _box("B", "b", recent, median=True)
    if a is None or b is None:
        missing = "A and B" if a is None and b is None else "A" if a is None else "B"
        states.explain(
            f"Choose {missing}", "take a run in each box above, or tick two rows on the Runs page. B can also be the "
            "median of A's workflow type.",
        )  # fmt: skip
        return None
    row = data.run(*a)
    return row, None if b == MEDIAN else data.run(*b)


Key = tuple[str, str | None, str | None]


def _box(title: str, name: str, recent: list[Row], *, median: bool) -> Any:
    """A box of runs over ``?name=&name_run=``; the key of what is chosen, MEDIAN, or None."""
    parameters = st.query_params
    named = parameters.get(name)
    keys: list[Any] = [(r["workflow_id"], r["run_id"], r["namespace"]) for r in recent]
    labels = {key: _label(row) for key, row in zip(keys, recent, strict=True)}
    current: Any = None
    if median:
        keys.insert(0, MEDIAN)
    if named == MEDIAN and median:
        current = MEDIAN
    elif named:
        run_id = parameters.get(f"{name}_run")
        current = next((k for k in keys if k != MEDIAN and k[0] == named and run_id in (None, k[1])), None)
        if current is None:
            current = (named, run_id, parameters.get(f"{name}_namespace"))
            keys.insert(0, current)
    chosen = st.selectbox(
        title, keys, index=None if current is None else keys.index(current), key=f"box_{name}_{current}",
        format_func=lambda key: _named(key, labels),
        placeholder="workflow id, type …", accept_new_options=True,
    )  # fmt: skip
    if isinstance(chosen, str) and chosen != MEDIAN:  # an id that was typed: its newest run
        chosen = (chosen.strip(), None, None)
    if chosen != current:
        _remember(name, chosen)
    return chosen


def _named(key: Any, labels: dict[Any, str]) -> str:
    if isinstance(key, str):
        return "The median of A's type" if key == MEDIAN else key
    return labels.get(key, str(key[0]))


def _remember(name: str, chosen: Any) -> None:
    values = (MEDIAN, None, None) if chosen == MEDIAN else chosen or (None, None, None)
    for suffix, value in zip(("", "_run", "_namespace"), values, strict=True):
        key = f"{name}{suffix}"
        if value is None or (suffix == "_namespace" and value == "default"):
            st.query_params.pop(key, None)
        else:
            st.query_params[key] = value


def _label(row: Row) -> str:
    return (
        f"{status.SIGNS.get(row['status'], '')} {row['workflow_id']} · {row['workflow_type']} · "
        f"{units.duration(row['duration_ms'])} · {units.moment(row['started'])[5:19]}"
    )


def _frames(row: Row) -> RunFrames:
    return RunFrames(row, data.rows(data.of_run("operations", row)), data.rows(data.of_run("attempts", row)))


def _compared(a: Row, b: Row | None) -> None:
    left = _frames(a)
    if b is None:
        kind = a["workflow_type"]
        found = compare_to_median(left, data.records("peers", workflow_type=kind, run_id=a["run_id"]) if kind else [])
        if not found.b["runs"]:
            states.explain("Nothing to compare with", f"there is no other closed run of the type {kind}; "
                           "choose a run as B.")  # fmt: skip
            return
        _header(a, f"the median of {found.b['runs']} runs of its type")
        _warnings(found)
        delta.draw(found, "A", "Median")
        return
    right = _frames(b)
    found = compare(left, right)
    _header(a, b)
    _warnings(found)
    table, picture = st.columns([1, 1.25], gap="medium")
    with table:
        st.markdown("###### What changed")
        delta.draw(found, "A", "B")
    with picture:
        _divergence(found.first_divergence, a, b)
        twin.draw(found, left.attempts, right.attempts, data.now())


def _header(a: Row, b: Row | str) -> None:
    """How each ended and the way to it; who it is stands in the boxes above."""
    for place, letter, row in zip(st.columns(2), "AB", (a, b), strict=True):
        with place, st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if isinstance(row, str):
                st.caption(plain(row))
                continue
            st.badge(status.words(row["status"]), color=status.color(row["status"]))
            st.page_link(st.session_state["pages"]["run"], label=f"Open {letter}", query_params=links.key(row))
            st.caption(f"started {units.moment(row['started'])}")


def _warnings(found: Comparison) -> None:
    markup.html(
        f'<div class="ds-note" style="font-size:15px;font-weight:600">{markup.text(delta.headline(found))}</div>'
    )
    if found.warnings:
        with st.expander(f"Read with care ({len(found.warnings)})", icon=":material/warning:", expanded=True):
            markup.html("".join(markup.note(f"• {sentence}") for sentence in found.warnings))


def _divergence(found: Divergence | None, a: Row, b: Row) -> None:
    st.markdown("###### Where they first part")
    if found is None:
        markup.html(markup.note("Nowhere: the same operations in the same order, with the same outcomes and attempts."))
        return
    when = " and ".join(
        f"{units.duration(ms)} into {letter}" for letter, ms in (("A", found.a_ms), ("B", found.b_ms)) if ms is not None
    )
    agent = f" of {found.agent}" if found.agent else ""
    what = "model call" if found.kind == "model" else f"{found.kind.replace('_', ' ')} {found.name}"
    markup.html(markup.note(f"{what} #{found.ordinal}{agent}, {when}: {found.what}."))
    with st.container(horizontal=True, gap="small"):
        for letter, row, operation in (("A", a, found.a_operation_id), ("B", b, found.b_operation_id)):
            if operation:
                key = links.key(row)
                st.page_link(st.session_state["pages"]["run"], label=f"Show it in {letter}",
                             query_params={**key, "span": operation}, icon=":material/my_location:")  # fmt: skip
