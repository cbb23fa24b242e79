"""The run as files, made when asked for: what `durascope show --json` prints, and a trace for ui.perfetto.dev."""

import io
import re
from functools import partial

import streamlit as st

from durascope_dashboard import data
from durascope_dashboard.analysis.view import json_text, run_object
from durascope_dashboard.data import Row
from durascope_dashboard.lookup import run_params

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def draw(run: Row) -> None:
    """A button for each."""
    name = file_name(run)
    for label, suffix, make, what in (
        ("JSON", "json", _json, "Everything joined, as `durascope show --json` prints it"),
        ("Perfetto", "perfetto.json", _perfetto, "Opens in ui.perfetto.dev or chrome://tracing"),
    ):
        st.download_button(
            label, data=partial(make, run), file_name=f"{name}.{suffix}", mime="application/json", type="tertiary",
            icon=":material/download:", key=f"download_{suffix}", help=what, on_click="ignore",
        )  # fmt: skip


def file_name(run: Row) -> str:
    """A file name without anything that a shell or a file system minds."""
    return _UNSAFE.sub("-", str(run["workflow_id"])).strip("-.")[:80] or "run"


def _json(run: Row) -> bytes:
    operations, attempts = (data.table(name, **run_params(run)).to_pylist() for name in ("operations", "attempts"))
    return json_text(run_object(run, operations, attempts), indent=1).encode()


def _perfetto(run: Row) -> bytes:
    from durascope_dashboard.export import source
    from durascope_dashboard.export.sinks import PerfettoSink

    wanted = source.Wanted(workflow_ids=(run["workflow_id"],), run_id=run["run_id"], namespace=run["namespace"])
    out = io.StringIO()
    sink = PerfettoSink(out)
    for selection in source.batches(data.reader(), wanted):
        sink.write(selection)
    sink.close()
    return out.getvalue().encode()
