"""Tables and traces as files read back what was written."""

import io
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv, parquet

from durascope_dashboard.export import perfetto, sinks
from durascope_dashboard.export.selection import Selection
from tests.export.fleet import T0, S, fleet


def _events() -> list[dict[str, Any]]:
    return [event for pid, rows in enumerate(fleet().each(), start=1) for event in perfetto.events(pid, rows)]


def test_parquet_reads_back_equal(tmp_path: Path) -> None:
    """Types, nulls and values, from two batches."""
    selection = fleet()
    with sinks.parquet_sink(tmp_path) as sink:
        sink.write(selection)
        sink.write(selection)
    for part, path in sink.paths.items():
        table = getattr(selection, part)
        assert parquet.read_table(str(path)).equals(pa.concat_tables([table, table]))


def test_csv_keeps_times_exact_and_unknown_empty(tmp_path: Path) -> None:
    """Microseconds as integers; tokens nobody saw are empty, not 0."""
    selection = fleet()
    with sinks.csv_sink(tmp_path) as sink:
        sink.write(selection)
    attempts = csv.read_csv(str(sink.paths["attempts"]), convert_options=csv.ConvertOptions(strings_can_be_null=True))
    assert attempts["started"].to_pylist() == selection.attempts["started"].to_pylist()
    assert attempts["tokens_input"].to_pylist() == [None, 100, None, None]


def test_json_is_an_array_of_what_show_prints() -> None:
    """One document however many batches; an empty export is an empty array."""
    out = io.StringIO()
    sink = sinks.JsonSink(out)
    for _ in range(2):
        sink.write(fleet())
    sink.close()
    runs = json.loads(out.getvalue())
    assert [run["workflow_id"] for run in runs] == ["research-1", "research-2"] * 2
    assert [attempt["status"] for attempt in runs[0]["operations"][0]["attempts"]] == ["error", "ok"]
    empty = io.StringIO()
    sinks.JsonSink(empty).close()
    assert json.loads(empty.getvalue()) == []


def test_perfetto_document_holds_a_process_a_run() -> None:
    """Numbered on across batches, so that runs never share one."""
    out = io.StringIO()
    sink = sinks.PerfettoSink(out)
    for _ in range(2):
        sink.write(fleet())
    sink.close()
    document = json.loads(out.getvalue())
    assert {event["pid"] for event in document["traceEvents"]} == {1, 2, 3, 4}


def test_perfetto_shows_queue_attempts_and_backoff_end_to_end() -> None:
    """On one thread: queue, attempt 1, backoff, queue, attempt 2."""
    events = _events()
    slices = [e for e in events if e["ph"] == "X" and (e["pid"], e["tid"]) == (1, 1)]
    assert [(e["name"], (e["ts"] - T0) // S, e["dur"] // S) for e in slices] == [
        ("queue", 0, 1), ("gpt-5 #1", 1, 2), ("backoff", 3, 4), ("queue", 7, 1), ("gpt-5 #2", 8, 2),
    ]  # fmt: skip


def test_perfetto_follows_the_rules_of_the_format() -> None:
    """Every slice has name, ts, dur >= 0, pid and tid; every process and thread has its name."""
    events = _events()
    named = {(e["pid"], e["tid"]) for e in events if e["name"] == "thread_name"}
    for event in events:
        assert event["ph"] in {"X", "M"}
        if event["ph"] == "X":
            assert isinstance(event["ts"], int) and event["dur"] >= 0 and (event["pid"], event["tid"]) in named


def test_perfetto_slices_of_a_thread_never_overlap() -> None:
    """Not even where the worker's clock is ahead of the server's: trace_processor would drop one of them."""
    selection = fleet()
    attempts = selection.attempts.to_pylist()
    attempts[0]["ended"] = T0 + 8 * S + S // 2  # after the next attempt was queued and started
    rows = next(Selection.of(runs=selection.runs.to_pylist(), operations=selection.operations.to_pylist(),
                             attempts=attempts).each())  # fmt: skip
    threads: dict[int, list[tuple[int, int]]] = {}
    for event in perfetto.events(1, rows):
        if event["ph"] == "X":
            threads.setdefault(event["tid"], []).append((event["ts"], event["ts"] + event["dur"]))
    for slices in threads.values():
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(sorted(slices)))


def test_perfetto_draws_no_queue_of_unknown_length() -> None:
    """An attempt that only history implies: it was queued, and nobody knows until when."""
    selection = fleet()
    attempts = selection.attempts.to_pylist()
    attempts[0] |= {"started": None, "ended": None, "estimated": True}
    rows = next(Selection.of(runs=selection.runs.to_pylist(), operations=selection.operations.to_pylist(),
                             attempts=attempts).each())  # fmt: skip
    slices = [e for e in perfetto.events(1, rows) if e["ph"] == "X" and e["tid"] == 1]
    assert [(e["name"], (e["ts"] - T0) // S, e["dur"] // S) for e in slices] == [("queue", 7, 1), ("gpt-5 #2", 8, 2)]


def test_perfetto_of_an_open_run_ends_where_knowledge_ends() -> None:
    """The running attempt is drawn to the last update."""
    events = _events()
    running = next(e for e in events if e["pid"] == 2 and e["name"] == "search #1")
    assert running["ts"] + running["dur"] == T0 + 21 * S
