"""Where things are in a table, for the tests that use a mouse."""

from playwright.sync_api import Locator, Page


def rows_of(page: Page, table: str = "runs") -> Locator:
    """The rows of a table, as a screen reader is told of them; the first is the heading."""
    page.locator(f".st-key-{table}_table").scroll_into_view_if_needed()
    return page.locator(f".st-key-{table}_table table tr")


def row_with(page: Page, text: str, table: str = "runs") -> int:
    """The position of the row that holds this text."""
    rows = rows_of(page, table)
    rows.filter(has_text=text).first.wait_for(state="attached")
    return next(i for i in range(rows.count()) if text in (rows.nth(i).text_content() or "")) - 1


def click_cell(page: Page, row: int, x: int) -> None:
    """Click on a row of the table of runs, ``x`` pixels from its left."""
    found = rows_of(page).nth(row + 1)
    found.scroll_into_view_if_needed()
    box = found.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + x, box["y"] + box["height"] / 2)
