"""WCAG 2.1 AA by axe-core on every page, light and dark; and a page on paper."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # ships no types
from playwright.sync_api import Page, expect

from tests.browser.conftest import WAIT_MS, OpenTab, timeline
from tests.browser.run_page import HEAD_PX, ROW_PX, canvas, number

pytestmark = pytest.mark.browser
expect.set_options(timeout=WAIT_MS)
PAGES = {
    "/": "Runs", "/run?workflow_id=research-4&span=activity:8": "", "/compare?a=research-4&b=research-0": "Compare",
    "/reliability": "Reliability", "/cost": "Tokens and cost", "/workers": "Workers",
    "/health": "Health of the telemetry",
}  # fmt: skip
RULES = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
GROUND = "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
FADED = "!document.getAnimations().some((each) => each instanceof CSSTransition)"  # colours go over, not at once


def broken(page: Page) -> list[str]:
    """What axe-core finds, a line each."""
    found: list[dict[str, Any]] = Axe().run(page, options=RULES).response["violations"]
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible_in_light_and_dark(open_tab: OpenTab, path: str) -> None:
    """Names, roles, contrast: no rule of level A or AA is broken."""
    page = open_tab(path)
    expect(page.locator(".st-key-footer button.open")).to_be_visible()
    if path.startswith("/run"):
        timeline(page)
    assert broken(page) == []
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"{GROUND} === 'rgb(14, 20, 29)'")
    page.wait_for_function(FADED)
    assert broken(page) == []


def test_a_run_on_paper(open_tab: OpenTab) -> None:
    """No navigation, no buttons; all rows of the timeline, not only those in sight."""
    page = open_tab("/run?workflow_id=research-4")
    drawn = timeline(page)
    rows = number(drawn, "rows")
    page.emulate_media(media="print")
    expect(page.locator(".ds .bar")).to_be_hidden()
    expect(page.locator(".stAppHeader")).to_be_hidden()
    tall = [canvas(page).element_handle(), HEAD_PX + ROW_PX * rows]
    page.wait_for_function("([drawn, height]) => drawn.clientHeight >= height", arg=tall)
    assert page.pdf().startswith(b"%PDF")
