"""The pages about many runs in a real browser, and the questions that a person brings to them."""

import re
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenTab, serve, stop

pytestmark = pytest.mark.browser
expect.set_options(timeout=45_000)  # two cores, shared with the server and with other tests
HEADINGS = {
    "/": "Runs", "/runs": "Runs", "/compare": "Compare", "/reliability": "Reliability", "/cost": "Tokens and cost",
    "/workers": "Workers", "/health": "Health of the telemetry",
}  # fmt: skip


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


def test_a_which_runs_retry_now_and_why(open_tab: OpenTab) -> None:
    """One click on the trouble: the run, its attempt, and the provider's words; one more opens the run itself."""
    page = open_tab("/")
    page.get_by_role("radio", name="Retrying now").or_(page.get_by_text("Retrying now", exact=True)).first.click()
    expect(page.get_by_text("1 run", exact=False).first).to_be_visible()
    row = row_with(page, "triage-now")
    text = rows_of(page).nth(row + 1).text_content() or ""
    assert "attempt 3/5" in text
    assert "RateLimitError: 429: slow down" in text
    assert "trouble=Retrying" in page.url
    click_cell(page, row, 250)
    page.wait_for_url("**/run?*workflow_id=triage-now*")
    expect(page.get_by_text("triage-now").first).to_be_visible()


def test_c_what_the_retries_of_the_last_hour_cost_and_who_caused_them(open_tab: OpenTab) -> None:
    """The page opens on the last hour with the answer as a sentence, and who caused it as a table."""
    page = open_tab("/cost")
    sentence = page.get_by_text(re.compile(r"In the last 1 h, \d+ attempts came to nothing"))
    expect(sentence).to_contain_text("unknown, so the cost is at least this")
    expect(sentence).to_contain_text("rate limited (HTTP 429)")
    page.get_by_text("Activity", exact=True).click()
    row_with(page, "web_search", "waste")
    assert "waste_by=Activity" in page.url


def test_d_what_changed_between_this_run_and_a_good_one(open_tab: OpenTab) -> None:
    """Two ticks and a button: how much longer, by which time, where they first part, and each difference judged."""
    page = open_tab("/?text=research-&order=Newest")
    good, bad = row_with(page, "research-0"), row_with(page, "research-4")
    click_cell(page, good, 16)
    click_cell(page, bad, 16)
    page.get_by_role("button", name="Compare these two").click()
    page.wait_for_url("**/compare?*")
    expect(page.get_by_text(re.compile(r"B took .* (longer|less) than A"))).to_contain_text("backoff")
    expect(page.get_by_text("attempts in A", exact=False).first).to_be_visible()
    assert "better" in (page.locator(".st-key-deltas_table table").text_content() or "")
    link = page.url
    page.get_by_text("Show it in A").click()
    page.wait_for_url("**/run?*span=*")
    other = open_tab(link.removeprefix(link.split("/compare")[0]))
    expect(other.get_by_text(re.compile(r"B took .* than A"))).to_be_visible()


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
    """The duration of an open run grows while nothing else moves: the same canvas, the same scroll, no skeleton."""
    page = open_tab("/?text=triage-now")
    row_with(page, "triage-now")
    page.evaluate("""() => {
      window.gone = 0;
      const canvas = document.querySelector('.st-key-runs_table canvas');
      canvas.dataset.mine = 'yes';
      new MutationObserver(() => { if (!canvas.isConnected) window.gone += 1; })
        .observe(document.body, { childList: true, subtree: true });
    }""")
    before = page.locator(".st-key-runs_table table").text_content()
    expect(page.locator(".st-key-runs_table table")).not_to_have_text(before or "", timeout=15_000)
    assert page.evaluate("window.gone") == 0
    assert page.locator(".st-key-runs_table canvas[data-mine=yes]").count() == 1


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
    assert "by=Build" in page.url


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
