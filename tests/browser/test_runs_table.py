"""The table of runs in a real browser: its order, its columns, its links, and the keyboard alone."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import WAIT_MS, OpenTab
from tests.browser.tables import click_cell, row_with, rows_of

pytestmark = pytest.mark.browser
expect.set_options(timeout=WAIT_MS)


def column(page: Page, title: str) -> list[str]:
    """The words of one column, from above to below."""
    place = heading(page, title).evaluate("cell => cell.cellIndex")
    return [rows_of(page).nth(i).locator("td").nth(place).inner_text() for i in range(1, rows_of(page).count())]


def heading(page: Page, title: str) -> Locator:
    """A column's head."""
    return page.locator(".st-key-runs_table th", has=page.get_by_role("button", name=title))


def test_a_heading_sorts_upwards_downwards_and_lets_go(open_tab: OpenTab) -> None:
    """Numbers as numbers, whatever their words; a live update keeps the order; the third click gives the page's own."""
    page = open_tab("/?status=completed")
    row_with(page, "research-0")
    own = column(page, "Run")
    heading(page, "Cost").get_by_role("button").click()
    up = [float(words.strip("$")) for words in column(page, "Cost")]
    assert up == sorted(up) and heading(page, "Cost").get_attribute("aria-sort") == "ascending"
    heading(page, "Cost").get_by_role("button").click()
    expect(heading(page, "Cost")).to_have_attribute("aria-sort", "descending")
    page.wait_for_timeout(2500)  # the page has been drawn again meanwhile
    assert [float(words.strip("$")) for words in column(page, "Cost")] == up[::-1]
    heading(page, "Cost").get_by_role("button").click()
    assert column(page, "Run") == own


def test_columns_are_chosen_and_widened(open_tab: OpenTab) -> None:
    """What a view leaves out can be brought back, what is not wanted goes; an edge is dragged."""
    page = open_tab("/?text=research-4")
    row_with(page, "research-4")
    page.get_by_role("button", name="Choose columns").click()
    page.get_by_role("checkbox", name="Max backoff").check()
    page.get_by_role("checkbox", name="Agents").uncheck()
    page.keyboard.press("Escape")
    expect(heading(page, "Max backoff")).to_be_visible()
    expect(heading(page, "Agents")).to_have_count(0)
    box = heading(page, "Type").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 3, box["y"] + 15)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 57, box["y"] + 15)
    page.mouse.up()
    after = heading(page, "Type").bounding_box()
    assert after is not None and abs(after["width"] - box["width"] - 60) <= 2
    assert heading(page, "Type").get_attribute("aria-sort") == "none"


def test_a_run_is_a_link(open_tab: OpenTab) -> None:
    """It can be opened in another tab, which shows the run; the first stays where it is."""
    page = open_tab("/?text=research-4")
    row_with(page, "research-4")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="research-4").click(modifiers=["Control"])
    expect(opened.value.get_by_text("research-4").first).to_be_visible()
    assert "/run?workflow_id=research-4&run_id=" in opened.value.url
    assert "/run" not in page.url


def test_the_table_by_keys_alone(open_tab: OpenTab) -> None:
    """One stop for Tab, arrows to the other rows and to the tick; Space ticks, Enter opens."""
    page = open_tab("/?text=research-")
    row_with(page, "research-4")
    page.locator(".st-key-runs_table tbody [tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="research-1", exact=True)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Compare with the median")).to_be_visible()
    expect(page.get_by_role("checkbox", name="Tick research-1", exact=True)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/run?*workflow_id=research-2*")


def test_ticks_that_come_faster_than_their_answers_all_count(open_tab: OpenTab) -> None:
    """Three at once, and one taken back: an answer to the first does not undo the others."""
    page = open_tab("/?text=research-")
    row_with(page, "research-4")
    for row in (0, 1, 2, 1):
        click_cell(page, row, 16)
    expect(page.get_by_role("button", name="Compare these two")).to_be_visible()
    expect(page.locator(".st-key-runs_table tr.ticked")).to_have_count(2)
    page.wait_for_url(re.compile("tick=.*tick="))
    ticked = page.locator(".st-key-runs_table tr.ticked a").all_inner_texts()
    assert ticked == [words for i, words in enumerate(column(page, "Run")[:3]) if i != 1]


def test_the_link_takes_a_tick_back(open_tab: OpenTab) -> None:
    """After ticks by hand the link still counts: what it no longer names is not ticked."""
    page = open_tab("/?text=research-")
    row_with(page, "research-4")
    click_cell(page, 0, 16)
    click_cell(page, 2, 16)
    expect(page.get_by_role("button", name="Compare these two")).to_be_visible()
    page.evaluate("""() => {
      const url = new URL(location.href);
      url.searchParams.delete("tick");
      for (let i = 0; i < 2; i += 1) {
        dispatchEvent(new KeyboardEvent("keydown"));
        history.pushState({}, "", url);
      }
      history.back();
    }""")
    expect(page.locator(".st-key-runs_table tr.ticked")).to_have_count(0)
    expect(page.get_by_role("button", name="Compare these two")).to_have_count(0)
