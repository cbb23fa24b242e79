"""What is selected on the timeline: an operation with each of its attempts, or a span with its attributes."""

from collections.abc import Iterable

import streamlit as st

from durascope_dashboard import data, links, units
from durascope_dashboard.analysis.what_if import Saving
from durascope_dashboard.data import Row
from durascope_dashboard.export.audit import ARGUMENTS
from durascope_dashboard.lookup import run_params
from durascope_dashboard.panels import markup, raw, retry, status
from durascope_dashboard.panels.savings import table

_WAITS = ("queue", "run", "backoff")
DEAREST = 4


def draw(
    run: Row, selected: str | None, operations: list[Row], attempts: list[Row], savings: Iterable[Saving] = ()
) -> None:
    """The panel beside the timeline. ``savings``: what retries cost the run, as far as computed."""
    if selected is None or selected == "run":
        _run(run, savings)
        st.caption("Select a row of the timeline to see its attempts, tokens and errors.")
        return
    if selected.startswith("group:"):
        markup.html("<b>A part of the run</b>")
        st.caption("Rows by the hundred, because there are thousands on this level. Open it with → or its triangle.")
        return
    found = [row for row in operations if row["operation_id"] == selected]
    if found:
        tries = [row for row in attempts if row["operation_id"] == selected]
        tries = sorted(tries, key=lambda row: int(row["attempt"]))
        _operation(run, found[0], tries, savings)
        raw.of_operation(run, found[0], tries)
        return
    span = data.table("span", span_id=selected.removeprefix("span:"), **run_params(run)).to_pylist()
    if span:
        _span(span[0])
    else:
        st.caption("The link names a row that this run does not have.")


def _run(run: Row, saved: Iterable[Saving]) -> None:
    """What it used, and its dearest retries; its ids are under the timeline."""
    billed = None if run["unknown_attempts"] and not run["billed_input"] else run["billed_input"] + run["billed_output"]
    called = billed is None or billed > 0
    facts = markup.facts(
        [
            ("agents", ", ".join(data.names(run["agents"]))), ("models", ", ".join(data.names(run["models"]))),
            ("tokens", units.count(billed) if called else ""),
            ("cost", units.money(run["cost_billed"]) if called else ""),
            ("retries", f"{run['retries']:,}" if run["retries"] else ""),
            ("failed attempts", f"{run['failed_attempts']:,}" if run["failed_attempts"] else ""),
        ]
    )  # fmt: skip
    dearest = [saving for saving in saved if saving.at_most_ms >= 1][:DEAREST]
    costs = markup.heading("Dearest retries") + table(dearest, "operation", "attempt", "earlier") if dearest else ""
    markup.html("<b>Run</b>" + facts + costs)


def _operation(run: Row, row: Row, attempts: list[Row], savings: Iterable[Saving]) -> None:
    label = row["model"] if row["kind"] == "model" else row["name"]
    markup.html(
        f"<b>{markup.text(label or row['name'])}</b> "
        + markup.facts(
            [
                ("kind", str(row["kind"]).replace("_", " ")), ("status", status.words(row["status"])),
                ("agent", row["agent"] or ""),
                ("activity", row["activity_type"] or "" if row["activity_type"] != label else ""),
                ("operation", row["operation_id"]),
                ("history event", f"{row['event_id']}" if row["event_id"] is not None else ""),
                ("scheduled", units.moment(row["scheduled"])),
                _times(row), ("tokens", _billed(row)),
                ("cost", units.money(row["cost_billed"]) if row["kind"] == "model" else ""),
                ("task queue", row["task_queue"] or ""), ("detail", _detail(row)),
                ("error", _error(row)),
            ]
        )
        + _child(run, row)
    )  # fmt: skip
    if attempts:
        retry.card(row, attempts, savings)
    for attempt in attempts:
        markup.html(_attempt(attempt))


def _times(row: Row) -> tuple[str, str]:
    """Of what has attempts its waits and its run, and a backoff only where there was one; of the rest its length."""
    if not row["attempts"]:
        return "length", units.duration((row["closed"] - row["scheduled"]) / 1000) if row["closed"] else ""
    names = _WAITS if row["attempts"] > 1 else _WAITS[:2]
    return " · ".join(names), " · ".join(units.duration(row[f"{name}_ms"]) for name in names)


def _detail(row: Row) -> str:
    """Without the digest of the arguments, which tells calls apart but says nothing."""
    return ", ".join(part for part in (row["detail"] or "").split(", ") if not part.startswith(ARGUMENTS))


def _child(run: Row, row: Row) -> str:
    """The way to a child workflow's own page: to its newest run, which its parent's history does not name."""
    if row["kind"] != "child" or not row["detail"]:
        return ""
    href = links.page("run", workflow_id=row["detail"], namespace=run["namespace"]).removeprefix("/")
    return f'<div class="ds-kin">{markup.link("↓ Child run", href, title=row["detail"])}</div>'


def _next(row: Row) -> str:
    if row["retry_delay_ms"] is None:
        return ""
    by = "the server (Retry-After)" if row["retry_by"] == "server" else "the retry policy"
    return f"{units.duration(row['retry_delay_ms'])}, by {by}"


def _error(row: Row) -> str:
    return ": ".join(str(v) for v in (row["error_type"], row["error_message"]) if v)


def _tokens(row: Row, prefix: str) -> str:
    if row[f"{prefix}input"] is None and row[f"{prefix}output"] is None:
        return "unknown" if row["kind"] == "model" else ""
    parts = [f"{row[f'{prefix}input'] or 0:,} in"]
    if row[f"{prefix}cached_input"]:
        parts.append(f"({row[f'{prefix}cached_input']:,} cached)")
    parts.append(f"{row[f'{prefix}output'] or 0:,} out")
    if row[f"{prefix}reasoning"]:
        parts.append(f"({row[f'{prefix}reasoning']:,} reasoning)")
    return " ".join(parts)


def _billed(row: Row) -> str:
    """Of an operation: what was counted, and of how many attempts nobody counted it."""
    if row["kind"] != "model":
        return ""
    unknown = row["unknown_attempts"] or 0
    if not (row["billed_input"] or row["billed_output"]):
        return "unknown"
    rest = f", and those of {units.many(unknown, 'attempt')} unknown" if unknown else ""
    return _tokens(row, "billed_") + rest


def _attempt(row: Row) -> str:
    times = [("queue", row["queue_ms"]), ("run", row["run_ms"])]
    if row["attempt"] > 1:
        times.insert(0, ("backoff before", row["backoff_ms"]))
    color = markup.colors()[status.tone(row["status"])]
    source = {"both": "history and telemetry", "history": "history only", "span": "telemetry only"}
    estimated = " · estimated" if row["estimated"] else ""
    body = markup.facts(
        [
            ("times", " · ".join(f"{name} {units.duration(ms)}" for name, ms in times)),
            ("started", units.moment(row["started"])), ("error", _error(row)),
            ("HTTP status", str(row["http_status"] or "")),
            ("HTTP retries inside", str(row["http_retries"]) if row["http_retries"] else ""),
            ("next attempt after", _next(row)), ("tokens", _tokens(row, "tokens_")),
            ("cost", "" if row["cost"] is None else units.money(row["cost"])),
            ("worker", row["worker"] or ""), ("build id", row["build_id"] or ""),
            ("known from", source.get(row["source"], "") + estimated),
            ("last heartbeat", units.moment(row["last_heartbeat"]) if row["last_heartbeat"] else ""),
        ]
    )  # fmt: skip
    return (
        f'<div style="border-left:3px solid {color};padding:2px 0 4px 10px;margin-top:6px">'
        f"<b>Attempt {row['attempt']}</b> · {markup.text(status.words(row['status']))}{body}</div>"
    )


def _span(span: Row) -> None:
    markup.html(
        f"<b>{markup.text(span['name'] or 'span')}</b>"
        + markup.facts(
            [
                ("kind", span["kind"] or "span"), ("agent", span["agent"] or ""),
                ("status", status.words(span["status"])),
                ("message", span["status_message"] or ""), ("start", units.moment(span["start"])),
                ("length", units.duration((span["end"] - span["start"]) / 1000) if span["end"] else "not ended"),
                ("span id", span["span_id"]), ("parent", span["parent_span_id"] or ""),
                ("service", span["service"] or ""),
            ]
        )
    )  # fmt: skip
    raw.of_span(span)
