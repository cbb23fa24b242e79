"""Where things are on the Run page, for the tests that use a mouse."""

from playwright.sync_api import Locator, Page, expect

HEAD_PX = 68
ROW_PX = 22
GUTTER_PX = 180


def canvas(page: Page) -> Locator:
    """The timeline's canvas."""
    return page.locator(".ds canvas")


def click_row(page: Page, number: int, x: int = GUTTER_PX) -> None:
    """Click the name of a row that is in sight (0 is the run itself)."""
    canvas(page).click(position={"x": x, "y": HEAD_PX + ROW_PX * number + ROW_PX // 2})


def number(drawn: Locator, what: str) -> int:
    """One of the numbers that the timeline publishes: rows, segments, hidden, painted."""
    return int(drawn.get_attribute(f"data-{what}") or 0)


def press(page: Page, *keys: str) -> None:
    """Keys, on the timeline."""
    canvas(page).focus()
    for key in keys:
        page.keyboard.press(key)


def changes(drawn: Locator, what: str, before: str | None) -> None:
    """Wait until what the timeline publishes is not what it was."""
    expect(drawn).not_to_have_attribute(f"data-{what}", before or "")
