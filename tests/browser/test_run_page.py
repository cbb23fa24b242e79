"""The Run page in a real browser: what a person does with a mouse, with keys and with a link."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenTab, timeline

pytestmark = pytest.mark.browser
RUN = "/run?workflow_id=research-4"


def click_row(page: Page, number: int) -> None:
    """Click the name of a row (0 is the run itself)."""
    page.locator(".ds canvas").click(position={"x": 180, "y": 68 + 22 * number + 11})


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


def test_keys_find_the_next_failure_and_open_its_attempts(open_tab: OpenTab) -> None:
    """N goes to a failure, Enter selects it, Enter again gives one line an attempt; the screen reader is told."""
    page = open_tab(RUN, dark=True)
    drawn = timeline(page)
    rows = int(drawn.get_attribute("data-rows") or 0)
    page.locator(".ds canvas").focus()
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Attempt 2", exact=True)).to_be_visible()
    assert "gpt-5-mini, model, ok, 2 attempts" in (page.locator(".ds [aria-live]").text_content() or "")
    page.keyboard.press("Enter")
    expect(drawn).to_have_attribute("data-rows", str(rows + 2))
    expect(drawn).to_have_attribute("data-theme", "dark")
