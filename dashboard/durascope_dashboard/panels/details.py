"""What is selected on the timeline: an operation with each of its attempts, or a span with its attributes."""

from collections.abc import Iterable

import streamlit as st

from durascope_dashboard import data, units
from durascope_dashboard.analysis.what_if import Saving
from durascope_dashboard.data import Row
from durascope_dashboard.panels import markup, raw, retry, status

_TIMES = ("queue", "run", "backoff")


def draw(
    run: Row, selected: str | None, operations: list[Row], attempts: list[Row], savings: Iterable[Saving] = ()
) -> None:
    """The panel beside the timeline. ``savings``: what retries cost the run, as far as computed."""
    if selected is None or selected == "run":
        markup.html("<b>Run</b>" + _identity(run))
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
        _operation(found[0], tries, savings)
        raw.of_operation(run, found[0], tries)
        return
    key = {name: run[name] for name in ("namespace", "workflow_id", "run_id")}
    span = data.table("span", span_id=selected.removeprefix("span:"), **key).to_pylist()
    if span:
        _span(span[0])
    else:
        st.caption("The link names a row that this run does not have.")


def _identity(run: Row) -> str:
    from durascope_dashboard.panels import header

    return header.identity(run)


def _operation(row: Row, attempts: list[Row], savings: Iterable[Saving]) -> None:
    label = row["model"] if row["kind"] == "model" else row["name"]
    markup.html(
        f"<b>{markup.text(label or row['name'])}</b> "
        + markup.facts(
            [
                ("kind", str(row["kind"]).replace("_", " ")), ("status", status.words(row["status"])),
                ("agent", row["agent"] or ""), ("activity", row["activity_type"] or ""),
                ("operation", row["operation_id"]),
                ("history event", f"{row['event_id']}" if row["event_id"] is not None else ""),
                ("scheduled", units.moment(row["scheduled"])),
                ("queue · run · backoff", " · ".join(units.duration(row[f"{k}_ms"]) for k in _TIMES)),
                ("tokens", _billed(row)),
                ("cost", units.money(row["cost_billed"]) if row["kind"] == "model" else ""),
                ("task queue", row["task_queue"] or ""), ("detail", row["detail"] or ""),
                ("error", _error(row)),
            ]
        )
    )  # fmt: skip
    if attempts:
        retry.card(row, attempts, savings)
    for attempt in attempts:
        markup.html(_attempt(attempt))


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
    unknown = row["unknown_attempts"] or 0
    if row["kind"] == "model" and not (row["billed_input"] or row["billed_output"]):
        return "unknown"
    rest = f", and those of {units.many(unknown, 'attempt')} unknown" if unknown else ""
    return _tokens(row, "billed_") + rest


def _attempt(row: Row) -> str:
    times = [("queue", row["queue_ms"]), ("run", row["run_ms"])]
    if row["attempt"] > 1:
        times.insert(0, ("backoff before", row["backoff_ms"]))
    color = markup.colors()["bad" if row["status"] in ("error", "timeout", "lost") else "good"]
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
