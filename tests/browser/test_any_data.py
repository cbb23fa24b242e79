"""Whatever is in the store, no page breaks, overflows or writes an error into the console."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import WAIT_MS, OpenTab, serve, stop, timeline
from tests.dashboard import synthetic
from tests.dashboard.odd_runs import SAYS, UNICODE, odd

pytestmark = pytest.mark.browser
expect.set_options(timeout=WAIT_MS)
PAGES = ("/", "/compare", "/compare?mode=Groups+of+runs&period=All", "/reliability?period=All", "/cost?period=All",
         "/workers?period=All", "/health?period=All")  # fmt: skip


@pytest.fixture(scope="module")
def odd_dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard on `odd_runs.odd`."""
    path, moment = tmp_path_factory.mktemp("odd") / "odd.duckdb", synthetic.now()
    synthetic.write(path, odd(moment), moment)
    served = serve(path)
    yield served.url
    stop(served)


def whole(page: Page) -> None:
    """The page is there to its end, without a traceback, and is no wider than the screen."""
    expect(page.locator(".st-key-footer button.open")).to_be_visible()
    expect(page.locator(".stException")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.locator("img[src=x]").count() == 0


@pytest.mark.parametrize("workflow_id", SAYS, ids=["unicode" if name == UNICODE else name for name in SAYS])
def test_the_run_page_of_any_run(open_tab: OpenTab, odd_dashboard: str, workflow_id: str) -> None:
    """Its timeline is painted, and the page says what is peculiar."""
    page = open_tab(f"/run?workflow_id={quote(workflow_id)}", base=odd_dashboard)
    drawn = timeline(page)
    expect(page.locator(".stMain")).to_contain_text(SAYS[workflow_id])
    assert int(drawn.get_attribute("data-rows") or 0) >= 2
    whole(page)


def test_every_page_of_such_a_fleet(open_tab: OpenTab, odd_dashboard: str) -> None:
    """Names in any script, of any length; unknown tokens and prices; a month beside a second."""
    page = open_tab(PAGES[0], base=odd_dashboard)
    for path in PAGES:
        page.goto(odd_dashboard + path)
        whole(page)


@pytest.mark.parametrize("runs", [0, 1])
def test_a_store_with_next_to_nothing(open_tab: OpenTab, tmp_path: Path, runs: int) -> None:
    """Nothing to compare with, at most a single point in each chart; an empty store names the commands to run."""
    moment = synthetic.now()
    stories = [synthetic.research("only", moment - 90 * synthetic.S)][:runs]
    synthetic.write(tmp_path / "few.duckdb", stories, moment)
    served = serve(tmp_path / "few.duckdb")
    try:
        page = open_tab("/", base=served.url)
        rest = ("/compare?mode=Groups+of+runs", "/health", "/compare?a=only&b=median") if runs else ()
        for path in ("/", "/reliability", *rest):
            page.goto(served.url + path)
            whole(page)
            if not runs:
                expect(page.get_by_text("durascope import")).to_be_visible()
        page.context.close()
    finally:
        stop(served)
