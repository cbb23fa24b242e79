"""Two runs on one scale: each operation has a lane of A above a lane of B; what only one of them has is grey."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import altair as alt
import pandas as pd
import streamlit as st

from durascope_dashboard.analysis.compare import Aligned, Comparison
from durascope_dashboard.panels import charts, markup

MOST_ROWS: Final = 150
ROW_PX: Final = 30
HEAD_PX: Final = 70  # legend and axis
_FAILED: Final = ("error", "timeout", "lost")
_KINDS: Final = ("model", "tool", "activity", "queue", "backoff", "external_wait", "timer", "error", "timeout")
_WORDS: Final = {"queue": "queue wait", "external_wait": "external wait", "error": "failed", "timeout": "timed out"}
Row = dict[str, Any]


def label(row: Aligned) -> str:
    """``  2 web_search #3``; indented, and long names cut."""
    called = (row.a or row.b or {}).get("model") if row.kind == "model" else None
    name = str(called or row.name)
    name = name if len(name) <= 32 else name[:31] + "…"
    number = f" #{row.ordinal}" if row.ordinal > 1 else ""
    return "\u2003" * row.depth + name + number


def chosen(rows: Sequence[Aligned], *, differing: bool) -> list[Aligned]:
    """The rows that are drawn: all, or only those that differ with the groups above them."""
    kept = [row for row in rows if not differing or row.differs]
    return kept[:MOST_ROWS]


def bars(
    rows: Sequence[Aligned], side: str, started: int, attempts: Iterable[Row], now: int
) -> list[Row]:  # fmt: skip
    """Segments of one side: {row, side, kind, start, end, words, alone}, ms from the run's start."""
    by_operation: dict[str, list[Row]] = {}
    for attempt in attempts:
        by_operation.setdefault(str(attempt["operation_id"]), []).append(attempt)
    found: list[Row] = []
    for index, row in enumerate(rows):
        operation = row.a if side == "A" else row.b
        if operation is None:
            continue
        alone = row.a is None or row.b is None
        base = {"row": index, "side": side, "alone": alone}
        tried = sorted(by_operation.get(str(operation["operation_id"]), []), key=lambda r: r["attempt"])
        segments = _attempts(row, tried, now) if tried else _whole(row, dict(operation), now)
        for kind, start, end, words in segments:
            found.append(
                {**base, "kind": kind, "start": (start - started) / 1000, "end": (end - started) / 1000, "words": words}
            )  # fmt: skip
    return found


def _kind(row: Aligned) -> str:
    return row.kind if row.kind in ("model", "tool", "timer") else "tool" if row.kind == "mcp" else "activity"


def _attempts(row: Aligned, tried: Sequence[Row], now: int) -> list[tuple[str, int, int, str]]:
    found = []
    before: int | None = None
    for attempt in tried:
        queued, started, ended = attempt["queued"], attempt["started"], attempt["ended"]
        if before is not None and queued and queued > before:
            found.append(("backoff", before, queued, f"backoff before attempt {attempt['attempt']}"))
        if queued and started and started > queued:
            found.append(("queue", queued, started, f"queue wait of attempt {attempt['attempt']}"))
        if started:
            status = str(attempt["status"])
            kind = "timeout" if status in ("timeout", "lost") else "error" if status in _FAILED else _kind(row)
            error = f", {attempt['error_type']}" if attempt["error_type"] else ""
            found.append((kind, started, ended or now, f"attempt {attempt['attempt']}: {status}{error}"))
        before = ended
    return found


def _whole(row: Aligned, operation: Row, now: int) -> list[tuple[str, int, int, str]]:
    if row.kind == "agent" or operation["scheduled"] is None:
        return []
    kind = "external_wait" if row.kind in ("human_wait", "signal", "update") else _kind(row)
    return [(kind, operation["scheduled"], operation["closed"] or now, row.kind.replace("_", " "))]


def draw(found: Comparison, attempts_a: Iterable[Row], attempts_b: Iterable[Row], now: int) -> None:
    """The chart with its switch."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("###### Side by side, from each run's start")
        differing = st.toggle("Only what differs", key="differing", bind="query-params")
    rows = chosen(found.aligned, differing=differing)
    if not rows:
        markup.html(markup.note("The same operations, with the same outcomes and attempts."))
        return
    if len(found.aligned) > len(rows) and not differing:
        st.caption(f"The first {len(rows)} of {len(found.aligned):,} rows; “Only what differs” shows the rest.")
    frame = pd.DataFrame(
        bars(rows, "A", found.a["started"], attempts_a, now) + bars(rows, "B", found.b["started"], attempts_b, now)
    )
    with st.container(height=min(640, 40 + HEAD_PX + ROW_PX * len(rows)), border=False):
        st.altair_chart(charts.readable(_chart(frame, rows)), alt="Operations of A and B on one time scale", key="twin")


def _chart(frame: pd.DataFrame, rows: Sequence[Aligned]) -> Any:
    palette = markup.colors()
    frame = frame.assign(seconds=frame["start"] / 1000, until=frame["end"] / 1000)
    frame["kind"] = [
        "unmatched" if alone else _WORDS.get(k, k) for k, alone in zip(frame["kind"], frame["alone"], strict=True)
    ]
    present = set(frame["kind"])
    names = [n for n in (*(_WORDS.get(k, k) for k in _KINDS), "unmatched") if n in present]
    color_of = {_WORDS.get(k, k): palette[k] for k in _KINDS} | {"unmatched": palette["unexplained"]}
    lookup = "[" + ",".join(json.dumps(label(row)) for row in rows) + "][datum.value]"  # data stays data
    sides = alt.YOffset("side:N", scale=alt.Scale(domain=["A", "B"], paddingInner=0.1, paddingOuter=0.2))
    y = alt.Y(
        "row:O", title=None, scale=alt.Scale(domain=list(range(len(rows)))),
        axis=alt.Axis(labelExpr=lookup, labelLimit=190, labelPadding=22, labelOverlap=False, grid=False, ticks=False,
                      domain=False, labelColor=palette["text"]),
    )  # fmt: skip
    seconds = alt.X("seconds:Q", title=None, axis=alt.Axis(orient="top", tickCount=8, labelExpr="datum.label + ' s'"))
    # Told apart also without colour: waits are pale, backoff has a dashed edge, what failed a cross.
    waits = alt.FieldOneOfPredicate("kind", ["queue wait", "backoff"])
    colors = alt.Scale(domain=names, range=[color_of[n] for n in names])
    drawn = alt.Chart(frame).mark_bar(cornerRadius=2, strokeWidth=1).encode(
        fillOpacity=alt.condition(waits, alt.value(0.3), alt.value(1)),
        stroke=alt.Stroke("kind:N", scale=colors, legend=None),
        strokeDash=alt.condition(alt.datum.kind == "backoff", alt.value([3, 2]), alt.value([1, 0])),
        x=seconds, x2="until:Q", y=y, yOffset=sides,
        color=alt.Color("kind:N", title=None, scale=colors,
                        legend=alt.Legend(orient="top", padding=0, offset=4, columns=5)),
        tooltip=[alt.Tooltip("side:N", title="run"), alt.Tooltip("words:N", title=" "),
                 alt.Tooltip("seconds:Q", title="from s", format=".3~f"),
                 alt.Tooltip("until:Q", title="to s", format=".3~f")],
    )  # fmt: skip
    letters = alt.Chart(pd.DataFrame(_letters(rows), columns=["row", "side"])).mark_text(
        align="left", fontSize=10, color=palette["muted"], clip=False,
    ).encode(x=alt.value(-14), y=y, yOffset=sides, text="side:N")  # fmt: skip
    crosses = alt.Chart(frame[frame["kind"].isin(["failed", "timed out"])]).mark_text(
        text="✕", fontSize=9, fontWeight="bold", align="left", dx=2, color=palette["ground"],
    ).encode(x="seconds:Q", y=y, yOffset=sides)  # fmt: skip
    return alt.layer(drawn, crosses, letters).properties(height=ROW_PX * len(rows) + HEAD_PX)


def _letters(rows: Sequence[Aligned]) -> list[Row]:
    """The sides that each row has; an agent is a heading and has none."""
    return [
        {"row": i, "side": side}
        for i, row in enumerate(rows)
        for side, there in (("A", row.a), ("B", row.b))
        if there and row.kind != "agent"
    ]
