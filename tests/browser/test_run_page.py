"""The Run page in a real browser: what a person asks of it with a mouse, with keys and with a link."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import WAIT_MS, OpenTab, serve, stop, timeline
from tests.browser.run_page import click_row, number, press

pytestmark = pytest.mark.browser
expect.set_options(timeout=WAIT_MS)
RUN = "/run?workflow_id=research-4"


def test_a_click_opens_the_details_and_the_link_keeps_them(open_tab: OpenTab) -> None:
    """A click selects, the details follow, the URL holds the selection, and a second tab opens the same view."""
    page = open_tab(RUN)
    drawn = timeline(page)
    click_row(page, 8)
    expect(page.get_by_text("Attempt 3", exact=True)).to_be_visible()
    page.wait_for_url("**span=activity*")
    selected = drawn.get_attribute("data-selected")
    other = open_tab(page.url.removeprefix(page.url.split("/run")[0]))
    expect(other.get_by_text("Attempt 3", exact=True)).to_be_visible()
    assert timeline(other).get_attribute("data-selected") == selected


def test_the_open_tab_is_in_the_link(open_tab: OpenTab) -> None:
    """Beside the selection, and neither takes the other away."""
    page = open_tab(RUN)
    timeline(page)
    page.get_by_role("tab", name="Attempts").click()
    page.wait_for_url("**tab=Attempts*")
    click_row(page, 8)
    page.wait_for_url("**span=activity*")
    other = open_tab(page.url.removeprefix(page.url.split("/run")[0]))
    timeline(other)
    expect(other.get_by_role("tab", name="Attempts")).to_have_attribute("aria-selected", "true")
    expect(other.locator(".st-key-attempts_table_table")).to_be_visible()
    expect(other.get_by_text("Attempt 3", exact=True)).to_be_visible()


def test_a_row_shows_what_it_was_made_of(open_tab: OpenTab) -> None:
    """Its spans as JSON, where a tag is words; its history events from Temporal, or why they cannot be had."""
    page = open_tab(RUN)
    timeline(page)
    click_row(page, 8)
    details = page.locator(".st-key-details")
    details.get_by_text("Spans", exact=True).click()
    expect(details.get_by_text("attributes of attempt 3", exact=False)).to_be_visible()
    expect(details.get_by_text('"note": "<b>raw</b>"', exact=False).first).to_be_visible()
    details.get_by_text("History events", exact=True).click()
    expect(details.get_by_text("read from it when asked for", exact=False)).to_be_visible()


def test_back_brings_the_selection_back(open_tab: OpenTab) -> None:
    """From a selected row to another page and back by the browser's button; another link selects another row."""
    page = open_tab(RUN)
    timeline(page)
    click_row(page, 8)
    page.wait_for_url("**span=activity*")
    expect(page.get_by_text("Attempt 3", exact=True)).to_be_visible()
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_role("heading", name="Runs", exact=True).first).to_be_visible()
    page.go_back()
    timeline(page)
    expect(page.get_by_text("Attempt 3", exact=True)).to_be_visible()
    page.go_back()
    page.wait_for_url(lambda url: "span=" not in url)
    expect(page.locator(".st-key-details")).to_contain_text("Select a row of the timeline")


def test_keys_find_the_next_failure_and_open_its_attempts(open_tab: OpenTab) -> None:
    """N goes to a failure and selects it, Enter gives one line an attempt; the screen reader is told."""
    page = open_tab(RUN, dark=True)
    drawn = timeline(page)
    rows = number(drawn, "rows")
    press(page, "n")
    expect(page.get_by_text("Attempt 2", exact=True)).to_be_visible()
    assert "gpt-5-mini, model, ok, 2 attempts" in (page.locator(".ds [aria-live]").text_content() or "")
    page.keyboard.press("Enter")
    expect(drawn).to_have_attribute("data-rows", str(rows + 2))
    expect(drawn).to_have_attribute("data-theme", "dark")


def test_a_deep_link_opens_on_a_fresh_server(open_tab: OpenTab, fleet_store: Path) -> None:
    """The first request that a server ever gets may be a colleague's link."""
    served = serve(fleet_store)
    try:
        page = open_tab("/run?workflow_id=triage-now&span=activity:4", base=served.url)
        expect(page.get_by_text("Attempt 3", exact=True)).to_be_visible()
        assert timeline(page).get_attribute("data-selected") == "activity:4"
        page.context.close()  # an open run asks again every two seconds
    finally:
        stop(served)


def test_hostile_names_are_words_everywhere(open_tab: OpenTab) -> None:
    """Type, agent, tool, error and failure are a tag that would open a dialog; the tab fails the test if one opens."""
    page = open_tab("/run?workflow_id=hostile-1")
    timeline(page)
    click_row(page, 2)
    expect(page.get_by_text("Attempt 2", exact=True)).to_be_visible()
    page.get_by_role("tab", name="Table of rows").click()
    expect(page.locator(".st-key-rows_table_files")).to_be_visible()
    assert page.locator("img[src=x]").count() == 0


def test_an_unknown_run_says_what_to_do(open_tab: OpenTab) -> None:
    """In place of the page."""
    page = open_tab("/run?workflow_id=nobody")
    expect(page.get_by_text("durascope backfill")).to_be_visible()


def test_from_a_run_to_what_is_usual_for_its_type(open_tab: OpenTab) -> None:
    """Compare stands on the page and already knows which run is meant."""
    page = open_tab(RUN)
    timeline(page)
    expect(page).to_have_title("✓ research-4 · Run · Durascope")
    page.get_by_role("link", name="Compare").last.click()
    page.wait_for_url("**/compare?*a=research-4*")
    expect(page).to_have_title("Compare · Durascope")
