"""What can be taken along from a run: JSON, Perfetto, and its tables as CSV and Parquet."""

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import WAIT_MS, OpenTab, timeline
from tests.browser.run_page import number

pytestmark = pytest.mark.browser
expect.set_options(timeout=WAIT_MS)
RUN = "/run?workflow_id=research-4"


def saved(page: Page, button: Locator, folder: Path) -> Path:
    """The file that a click gives."""
    with page.expect_download() as started:
        button.click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path


def test_the_run_as_json_and_as_a_trace(open_tab: OpenTab, tmp_path: Path) -> None:
    """JSON is the object of `durascope show --json`; Perfetto's file has a slice an attempt."""
    page = open_tab(RUN)
    timeline(page)
    path = saved(page, page.get_by_role("button", name="JSON"), tmp_path)
    found = json.loads(path.read_text("utf-8"))
    assert path.name == "research-4.json"
    assert found["workflow_id"] == "research-4" and found["retries"]["attempts"] == 33
    assert sum(len(operation["attempts"]) for operation in found["operations"]) == 33
    trace = json.loads(saved(page, page.get_by_role("button", name="Perfetto"), tmp_path).read_text("utf-8"))
    assert sum(event.get("args", {}).get("attempt") is not None for event in trace["traceEvents"]) >= 33


def test_the_table_of_rows_is_the_timeline(open_tab: OpenTab, tmp_path: Path) -> None:
    """One row for each row of the canvas, with exact values; CSV and Parquet are the same."""
    page = open_tab(RUN)
    rows = number(timeline(page), "rows")
    page.get_by_role("tab", name="Table of rows").click()
    files = page.locator(".st-key-rows_table_files")
    with saved(page, files.get_by_role("button", name="CSV"), tmp_path).open(encoding="utf-8", newline="") as text:
        lines = list(csv.DictReader(text))
    assert len(lines) == rows and lines[0]["kind"] == "run"
    parquet = pq.read_table(saved(page, files.get_by_role("button", name="Parquet"), tmp_path))
    assert parquet["id"].to_pylist() == [line["id"] for line in lines]
