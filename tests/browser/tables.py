"""Where things are in a table that is drawn on a canvas, for the tests that use a mouse."""

from playwright.sync_api import Locator, Page


def rows_of(page: Page, table: str = "runs") -> Locator:
    """The rows of a table that are in sight, as a screen reader is told of them; the first is the heading."""
    page.locator(f".st-key-{table}_table").scroll_into_view_if_needed()
    return page.locator(f".st-key-{table}_table table [role=row]")


def row_with(page: Page, text: str, table: str = "runs") -> int:
    """The position of the row that holds this text."""
    rows = rows_of(page, table)
    rows.filter(has_text=text).first.wait_for(state="attached")
    return next(i for i in range(rows.count()) if text in (rows.nth(i).text_content() or "")) - 1


def click_cell(page: Page, row: int, x: int, table: str = "runs") -> None:
    """Click on a row of a table, ``x`` pixels from its left. The canvas lies below a scroller, so by the mouse."""
    box = page.locator(f".st-key-{table}_table canvas").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + x, box["y"] + 32 + 30 * row + 15)
