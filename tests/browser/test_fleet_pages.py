"""The pages about many runs in a real browser."""

from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from durascope_dashboard.panels.filters import VIEWS
from tests.browser.conftest import OpenTab, serve, stop, timeline
from tests.browser.tables import click_cell, row_with, rows_of

pytestmark = pytest.mark.browser
expect.set_options(timeout=45_000)  # two cores, shared with the server and with other tests
HEADINGS = {
    "/": "Runs", "/runs": "Runs", "/compare": "Compare", "/reliability": "Reliability", "/cost": "Tokens and cost",
    "/workers": "Workers", "/health": "Health of the telemetry",
}  # fmt: skip


def drawn(page: Page, heading: str) -> None:
    """The page is whole: its heading and, below everything, the footer; no hostile name has become an element."""
    expect(page.get_by_role("heading", name=heading, exact=True).first).to_be_visible()
    expect(page.locator(".st-key-footer button.open")).to_be_visible()
    expect(page.locator(".stException")).to_have_count(0)
    assert page.locator("img[src=x]").count() == 0


@pytest.mark.parametrize("path", [path for path in HEADINGS if path != "/"])
def test_a_page_opens_from_its_link(open_tab: OpenTab, path: str) -> None:
    """On a fresh tab, with hostile names in the store; none runs as a script, and the console stays silent."""
    drawn(open_tab(path), HEADINGS[path])


def test_all_pages_are_one_click_away_in_the_dark(open_tab: OpenTab) -> None:
    """One tab, dark, through the bar on top."""
    page = open_tab("/", dark=True)
    drawn(page, "Runs")
    for name, heading in [("Compare", "Compare"), ("Reliability", "Reliability"), ("Workers", "Workers"),
                          ("Tokens and cost", "Tokens and cost"), ("Health", "Health of the telemetry")]:  # fmt: skip
        page.get_by_role("link", name=name, exact=True).click()
        drawn(page, heading)
    assert page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor") == "rgb(14, 20, 29)"


def test_a_filtered_page_is_a_link(open_tab: OpenTab) -> None:
    """What is chosen by hand stands in the URL, and the URL alone shows the same on a fresh tab."""
    page = open_tab("/?status=failed&text=hostile")
    expect(page.get_by_text("1 run", exact=False).first).to_be_visible()
    assert row_with(page, "hostile-1") == 0
    page = open_tab("/?text=no-such-run")
    expect(page.get_by_role("heading", name="No run matches")).to_be_visible()
    page.get_by_role("link", name="Clear the filters").click()
    row_with(page, "research-0")
    assert "text=" not in page.url


def by_cost_to_reliability(page: Page) -> None:
    """Over the bar, with a period chosen on the way."""
    page.get_by_role("link", name="Tokens and cost", exact=True).click()
    drawn(page, "Tokens and cost")
    page.get_by_text("15 min", exact=True).click()
    page.wait_for_url("**/cost?period=15*")
    page.get_by_role("link", name="Reliability", exact=True).click()
    drawn(page, "Reliability")


def test_back_leads_to_the_filters_that_were_left(open_tab: OpenTab) -> None:
    """One Back for one page: after a click on a row and after one on the bar, each filter is as it was."""
    page = open_tab("/?text=research&trouble=Longest+backoff&status=completed")
    row_with(page, "research-4")
    left = page.url
    click_cell(page, 0, 300)
    page.wait_for_url("**/run?*")
    timeline(page)
    page.go_back()
    expect(page).to_have_url(left)
    expect(page.get_by_role("textbox", name="Search")).to_have_value("research")
    by_cost_to_reliability(page)
    page.go_back()
    page.wait_for_url("**/cost?period=15*")
    drawn(page, "Tokens and cost")
    page.go_back()
    expect(page).to_have_url(left)


SLOW_ANSWERS = """
const add = WebSocket.prototype.addEventListener;
WebSocket.prototype.addEventListener = function (name, listener, options) {
  let before = Promise.resolve();
  add.call(this, name, name !== "message" ? listener : (event) => {
    before = Promise.all([before, new Promise((done) => setTimeout(done, 250))]).then(() => listener(event));
  }, options);
};
"""


def test_two_quick_backs_lead_to_the_filters_too(open_tab: OpenTab) -> None:
    """Though what answers to the first is still on its way when the second is pressed."""
    page = open_tab("/?text=research&status=completed")
    page.add_init_script(SLOW_ANSWERS)
    page.reload()
    row_with(page, "research-4")
    left = page.url
    by_cost_to_reliability(page)
    page.evaluate("history.back()")
    page.wait_for_timeout(20)
    page.evaluate("history.back()")
    drawn(page, "Runs")
    row_with(page, "research-4")
    assert page.url == left
    expect(page.get_by_role("textbox", name="Search")).to_have_value("research")


def test_ticks_and_the_live_switch_are_in_the_link(open_tab: OpenTab) -> None:
    """Ticked by hand, restored by the link alone, also the run that other filters leave out; and taken back."""
    page = open_tab("/?text=research-4")
    row_with(page, "research-4")
    click_cell(page, 0, 16)
    expect(page.get_by_role("button", name="Compare with the median")).to_be_visible()
    page.get_by_text("Live", exact=True).click()
    page.wait_for_url("**live=false*")
    other = open_tab(page.url.removeprefix(page.url.split("/?")[0]).replace("research-4", "research-0"))
    expect(other.get_by_role("switch", name="Live").or_(other.get_by_role("checkbox", name="Live"))).not_to_be_checked()
    row_with(other, "research-0")
    click_cell(other, 0, 16)
    expect(other.get_by_role("button", name="Compare these two")).to_be_visible()
    third = open_tab(other.url.removeprefix(other.url.split("/?")[0]))
    expect(third.get_by_role("button", name="Compare these two")).to_be_visible()
    row_with(third, "research-0")
    click_cell(third, 0, 16)
    expect(third.get_by_role("button", name="Compare with the median")).to_be_visible()
    assert third.url.count("tick=") == 1


def test_the_table_of_runs_fits_a_small_screen(open_tab: OpenTab) -> None:
    """At 1280 by 720 all columns of every trouble are in sight, and ten rows of the first page."""
    page = open_tab("/")
    for trouble in VIEWS:
        page.get_by_role("radio", name=trouble, exact=True).click()
        expect(page.locator(".st-key-footer button.open")).to_be_visible()
        table = page.locator(".st-key-runs_table .scroll")
        expect(table.or_(page.get_by_role("heading", name="No run matches")).first).to_be_visible()
        if table.count():
            assert table.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, trouble
    page.get_by_role("radio", name="All runs", exact=True).click()
    tenth = rows_of(page).nth(10).bounding_box()
    assert tenth is not None and tenth["y"] + tenth["height"] < 720


def test_the_table_under_the_page_can_be_taken_along(open_tab: OpenTab, tmp_path: Path) -> None:
    """CSV and Parquet hold the exact values of all rows that are shown."""
    page = open_tab("/reliability")
    row_with(page, "web_search", "groups")
    found = {}
    for kind in ("csv", "parquet"):
        with page.expect_download() as waiting:
            page.locator(f".st-key-groups_{kind} button").first.click()
        path = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(path)
        found[kind] = pd.read_csv(path) if kind == "csv" else pd.read_parquet(path)
    assert found["csv"]["attempts"].tolist() == found["parquet"]["attempts"].tolist()
    assert {"web_search", "model"} <= set(found["parquet"]["value"])


def test_the_runs_page_is_live_and_does_not_flicker(open_tab: OpenTab) -> None:
    """The duration of an open run grows while nothing else moves: the same row, the same cells, no skeleton."""
    page = open_tab("/?text=triage-now")
    row_with(page, "triage-now")
    rows_of(page).nth(1).evaluate("""row => {
      window.row = row;
      window.gone = 0;
      new MutationObserver(() => { if (!row.isConnected) window.gone += 1; })
        .observe(row.getRootNode(), { childList: true, subtree: true });
    }""")
    before = rows_of(page).nth(1).text_content()
    expect(rows_of(page).nth(1)).not_to_have_text(before or "")
    assert page.evaluate("window.gone") == 0
    assert rows_of(page).nth(1).evaluate("row => row === window.row")


def test_the_question_mark_shows_the_keys(open_tab: OpenTab) -> None:
    """Help is one key away, and Escape closes it."""
    page = open_tab("/health")
    expect(page.locator(".st-key-footer button.open[data-ready]")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Next and previous control")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_groups_of_runs_stand_against_each_other(open_tab: OpenTab) -> None:
    """Types, builds, models and queues by p95 and by retries: chosen by hand, kept in the link."""
    page = open_tab("/compare?mode=Groups+of+runs")
    row_with(page, "ResearchWorkflow", "cohorts")
    page.get_by_text("Build", exact=True).click()
    row_with(page, "v13", "cohorts")
    page.get_by_text("Retries per run", exact=True).first.click()
    page.wait_for_url("**metric=Retries*")
    assert "group_by=Build" in page.url


def test_a_page_without_a_data_source_says_which_command_brings_one(open_tab: OpenTab, tmp_path: Path) -> None:
    """Neither a collector nor a store: one sentence, one command, no traceback."""
    served = serve(tmp_path / "absent.duckdb", DURASCOPE_SERVER="http://127.0.0.1:9")
    try:
        for path in ("/", "/health", "/compare"):
            page = open_tab(path, base=served.url)
            expect(page.get_by_role("heading", name="No data source")).to_be_visible()
            expect(page.get_by_text("durascope collect").first).to_be_visible()
            page.context.close()
    finally:
        stop(served)
