"""Who this run is: type, ids, status, times, links out; its chain and its children."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from durascope_dashboard import data, links, units
from durascope_dashboard.analysis.explain import FAILED
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
    """Why it was cut off; why it failed is in the paragraph under it, which says it once."""
    if row["status"] in FAILED or not (row["failure_type"] or row["failure_message"]):
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
            ("failure", ": ".join(filter(None, (row["failure_type"], row["failure_message"])))),
        ]
    )  # fmt: skip


def relatives(row: Row) -> None:
    """The chain of runs (continue-as-new, retry, reset), the children and the parent; nothing if the run is alone."""
    key = {"workflow_id": row["workflow_id"], "namespace": row["namespace"], "run_id": row["run_id"]}
    chain = data.records("chain", first_run_id=row["first_run_id"] or row["run_id"], **key)
    children = data.records("children", **key)
    found = ""
    if len(chain) > 1:
        found += _strip(f"Chain of {chain[0]['all_runs']:,} runs", chain, row, gaps=True)
    if children:
        found += _strip(units.many(children[0]["all_runs"], "child run"), children, row)
    if row["parent_workflow_id"]:
        parent = {"workflow_id": row["parent_workflow_id"], "run_id": row["parent_run_id"]}
        found += f'<nav class="ds-kin">{_to("↑ Parent run", {**parent, "namespace": row["namespace"]})}</nav>'
    if found:
        markup.html(found)


def _strip(title: str, runs: list[Row], here: Row, *, gaps: bool = False) -> str:
    """Some runs with the sums over all. ``gaps``: they are in order, and what is left out between them shows."""
    parts, before = [f"<span>{markup.text(f'{title}, {_sums(runs[0])}')}</span>"], 0
    for run in runs:
        if gaps and run["place"] > before + 1:
            parts.append("<span>…</span>")
        before = run["place"]
        this = run["run_id"] == here["run_id"]
        length = units.duration((here if this else run)["duration_ms"])
        label = f"{before:,} {status.SIGNS.get(run['status'], '·')} {length}"
        parts.append(f'<b aria-current="page">{markup.text(label)}</b>' if this else _to(label, run))
    rest = runs[0]["all_runs"] - len(runs)
    if rest and not gaps:
        parts.append(f"<span>and {rest:,} more</span>")
    return f'<nav class="ds-kin">{"".join(parts)}</nav>'


def _sums(run: Row) -> str:
    """Time, tokens and cost of all together; a cost that is not known of each is not told."""
    parts = [f"{units.duration(run['all_ms'])} in all"]
    if run["all_tokens"]:
        parts.append(units.tokens(run["all_tokens"]))
    if run["all_cost"]:
        parts.append(units.money(run["all_cost"]))
    return ", ".join(parts)


def _to(label: str, run: Row) -> str:
    title = f"{run['workflow_id']} {status.words(run['status']) if run.get('status') else ''}".strip()
    return markup.link(label, links.run(run).removeprefix("/"), title=title)
