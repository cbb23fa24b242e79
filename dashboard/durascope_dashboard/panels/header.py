"""Who this run is: type, ids, status, times, links out; its chain and its children."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from durascope_dashboard import data, links, units
from durascope_dashboard.data import Row
from durascope_dashboard.panels import downloads, markup, status


def outside(slot: DeltaGenerator, row: Row, agents_trace: str | None = None) -> None:
    """Links to the run in other tools. ``agents_trace``: the id of the Agents SDK's own trace, if one was seen."""
    with slot:
        for label, url in links.outside(row, agents_trace):
            st.link_button(label, url, icon=":material/open_in_new:", type="tertiary")


def draw(row: Row, now: int) -> DeltaGenerator:
    """Title line, facts, failure; answers the slot for :func:`outside`."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        markup.html(
            f'<span class="ds-badge ds-{status.tone(row["status"])}">{markup.text(status.words(row["status"]))}</span>'
            f'<b style="font-size:18px">{markup.text(row["workflow_type"] or "workflow")}</b> &ensp;'
            f'<span class="ds-mono">{markup.text(row["workflow_id"])}</span>',
            width="content",
        )
        st.space("stretch")
        downloads.draw(row)
        st.page_link(
            st.session_state["pages"]["compare"],
            label="Compare",
            icon=":material/compare_arrows:",
            query_params={"a": row["workflow_id"], "a_run": row["run_id"], "b": "median"},
        )
        places = st.container(horizontal=True, gap="small", width="content")
    markup.html(f'<div class="ds-line">{_line(row, now)}</div>{_failure(row)}')
    return places


def _failure(row: Row) -> str:
    if not row["failure_type"] and not row["failure_message"]:
        return ""
    kind, message = markup.text(row["failure_type"] or "failure"), markup.text(row["failure_message"] or "")
    return f'<div class="ds-mono ds-bad" style="margin-top:6px"><bdi>{kind}</bdi>: <bdi>{message}</bdi></div>'


def _line(row: Row, now: int) -> str:
    parts = [
        f"{'running for' if row['status'] == 'running' else 'took'} <b>{units.duration(row['duration_ms'])}</b>",
        f"started {units.moment(row['started'])}",
        units.many(row["operations"], "operation"),
        f"{units.many(row['attempts'], 'attempt')}, {units.many(row['retries'], 'retry', 'retries')}",
    ]
    if row["status"] == "running":
        parts.append(f"as of {units.ago(row['updated'], now)}")
    if row["history_events"]:
        parts.append(f"history {row['history_events']:,} events, {units.bytes_(row['history_bytes'])}")
    return " · ".join(parts)


def identity(row: Row) -> str:
    """All ids, as a list."""
    return markup.facts(
        [
            ("namespace", row["namespace"]), ("workflow id", row["workflow_id"]), ("run id", row["run_id"]),
            ("first run id", row["first_run_id"] or ""), ("task queue", row["task_queue"] or ""),
            ("build id", row["build_id"] or ""), ("trace id", row["trace_id"] or ""),
            ("conversation id", row["conversation_id"] or ""), ("agents", ", ".join(data.names(row["agents"]))),
            ("models", ", ".join(data.names(row["models"]))), ("closed", units.moment(row["closed"])),
        ]
    )  # fmt: skip


def relatives(row: Row) -> None:
    """The chain of runs (continue-as-new, retry, reset) and the children, with totals; nothing if the run is alone."""
    key = {"workflow_id": row["workflow_id"], "namespace": row["namespace"]}
    chain = data.records("chain", first_run_id=row["first_run_id"] or row["run_id"], **key)
    children = data.records("children", run_id=row["run_id"], **key)
    if len(chain) > 1:
        _strip(f"Chain of {len(chain):,} runs, {_totals(chain)}", chain, row["run_id"])
    if children:
        _strip(f"{units.many(len(children), 'child run')}, {_totals(children)}", children, row["run_id"])
    if row["parent_workflow_id"]:
        st.page_link(
            st.session_state["pages"]["run"], label="Parent run", icon=":material/arrow_upward:",
            query_params={"workflow_id": row["parent_workflow_id"], "run_id": row["parent_run_id"] or "",
                          "namespace": row["namespace"]},
        )  # fmt: skip


def _totals(runs: list[Row]) -> str:
    """Their time, tokens and cost together; a cost that is not known of each is not told."""
    tokens = sum((run["billed_input"] or 0) + (run["billed_output"] or 0) for run in runs)
    costs = [run["cost_billed"] for run in runs]
    parts = [f"{units.duration(sum(run['duration_ms'] or 0 for run in runs))} in all"]
    if tokens:
        parts.append(units.tokens(tokens))
    if None not in costs and sum(costs):
        parts.append(units.money(sum(costs)))
    return ", ".join(parts)


def _strip(title: str, runs: list[Row], here: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(title, width="content")
        for number, run in enumerate(runs[:12], 1):
            label = f"{number} {status.SIGNS.get(run['status'], '·')} {units.duration(run['duration_ms'])}"
            st.page_link(
                st.session_state["pages"]["run"], label=label, disabled=run["run_id"] == here,
                query_params=links.key(run),
            )  # fmt: skip
        if len(runs) > 12:
            st.caption(f"and {len(runs) - 12:,} more", width="content")
