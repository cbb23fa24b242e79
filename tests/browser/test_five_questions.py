"""The five questions that the dashboard is for, asked as a person would: from the first page, with a mouse.

Each counts its clicks, which may not grow, and the seconds until the answer is on the screen (`pytest -rP` shows them).
"""

import re
import sys
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import WAIT_MS, OpenTab, timeline
from tests.browser.run_page import press
from tests.browser.tables import click_cell, row_with, rows_of

pytestmark = pytest.mark.browser
expect.set_options(timeout=WAIT_MS)


class Person:
    """Opens the dashboard at a link and clicks; ``clicks`` are counted."""

    def __init__(self, page: Page, test: pytest.Item) -> None:
        self.page, self.test = page, test
        self.clicks = 0
        self.since = time.monotonic()

    def click(self, there: Locator) -> None:
        """One click on something with a name."""
        there.first.click()
        self.clicks += 1

    def click_table(self, row: int, x: int) -> None:
        """One click on a row of the table of runs."""
        click_cell(self.page, row, x)
        self.clicks += 1

    def answered(self, *, clicks: int) -> None:
        """The answer is on the screen."""
        seconds = round(time.monotonic() - self.since, 1)
        self.test.user_properties += [("clicks", self.clicks), ("seconds", seconds)]
        sys.stdout.write(f"{self.test.name}: {self.clicks} clicks, {seconds} s\n")
        assert self.clicks == clicks


@pytest.fixture
def person(open_tab: OpenTab, request: pytest.FixtureRequest) -> Callable[..., Person]:
    """``person("/")``: somebody at the first page, which is there; the clock starts now."""

    def comes(path: str = "/", heading: str = "Runs") -> Person:
        page = open_tab(path)
        expect(page.get_by_role("heading", name=heading, exact=True).first).to_be_visible()
        row_with(page, "research-")
        return Person(page, request.node)

    return comes


def test_a_which_runs_are_retrying_now_and_why(person: Callable[..., Person]) -> None:
    """One click on the trouble: the run, which attempt of how many, and the provider's words."""
    someone = person()
    page = someone.page
    someone.click(page.get_by_role("radio", name="Retrying now"))
    expect(page.get_by_text("1 run", exact=False).first).to_be_visible()
    expect(rows_of(page)).to_have_count(2)
    row = rows_of(page).nth(1)
    expect(row).to_contain_text("triage-now")
    expect(row).to_contain_text("attempt 3/5")
    expect(row).to_contain_text("RateLimitError: 429: slow down")
    someone.answered(clicks=1)
    assert "trouble=Retrying" in page.url
    click_cell(page, 0, 250)
    page.wait_for_url("**/run?*workflow_id=triage-now*")
    expect(page.get_by_text("triage-now").first).to_be_visible()


def test_b_why_was_this_run_slow(person: Callable[..., Person]) -> None:
    """One click on the run: what took the time, for which error, what it would have been without. One key more: the
    retry itself, which layer did it, who asked for the delay, and in how many other runs.
    """
    someone = person("/?text=research-4")
    page = someone.page
    someone.click_table(row_with(page, "research-4"), 120)
    page.wait_for_url("**/run?*workflow_id=research-4*")
    said = page.locator(".ds-say")
    expect(said).to_contain_text("% was backoff of")
    expect(said).to_contain_text("had not happened the run would have ended")
    expect(page.get_by_role("img", name="Where the time went")).to_be_visible()
    someone.answered(clicks=1)
    timeline(page)
    press(page, "n", "Enter")
    details = page.locator(".st-key-details")
    expect(details).to_contain_text("Temporal retried it: 2 attempts of 5")
    expect(details).to_contain_text("by the server (Retry-After)")
    expect(details).to_contain_text("The same error (RateLimitError) in")


def test_c_what_the_retries_of_the_last_hour_cost_and_who_caused_them(person: Callable[..., Person]) -> None:
    """One click on the page: it opens on the last hour, with the cost, the cause and the activity in a sentence; a
    second on a dimension gives the table by it.
    """
    someone = person()
    page = someone.page
    someone.click(page.get_by_role("link", name="Tokens and cost", exact=True))
    sentence = page.get_by_text(re.compile(r"In the last 1 h, \d+ attempts came to nothing"))
    expect(sentence).to_contain_text("unknown, so what they cost is not known")
    expect(sentence).to_contain_text("rate limited (HTTP 429)")
    expect(sentence).to_contain_text(re.compile(r"most of it by: \w+ \(\d+ %\)"))
    someone.answered(clicks=1)
    page.get_by_role("radio", name="Activity", exact=True).click()
    row_with(page, "web_search", "waste")
    assert "waste_by=Activity" in page.url


def test_d_what_changed_between_this_run_and_a_good_one(person: Callable[..., Person], open_tab: OpenTab) -> None:
    """Two ticks and a button: how much longer, by which time, where they first part, and each difference judged."""
    someone = person("/?text=research-&sort=Newest")
    page = someone.page
    someone.click_table(row_with(page, "research-0"), 16)
    expect(page.get_by_role("button", name="Compare with the median")).to_be_visible()
    someone.click_table(row_with(page, "research-4"), 16)
    someone.click(page.get_by_role("button", name="Compare these two"))
    page.wait_for_url("**/compare?*a=research-0*b=research-4*")
    expect(page.get_by_text(re.compile(r"B took .* (longer|less) than A"))).to_contain_text("backoff")
    expect(page.get_by_text(re.compile(r"\d attempts? in A")).first).to_be_visible()
    expect(page.locator(".st-key-deltas_table table")).to_contain_text("better")
    someone.answered(clicks=3)
    link = page.url
    page.get_by_text("Show it in A").click()
    page.wait_for_url("**/run?*span=*")
    other = open_tab(link.removeprefix(link.split("/compare")[0]))
    expect(other.get_by_text(re.compile(r"B took .* than A"))).to_be_visible()


def test_e_is_a_number_of_this_run_to_be_trusted(person: Callable[..., Person], open_tab: OpenTab) -> None:
    """One click on the run: what history and telemetry each know of it, and which tokens nobody counted."""
    someone = person("/?text=research-history")
    page = someone.page
    someone.click_table(row_with(page, "research-history"), 120)
    expect(page.get_by_text("No worker telemetry")).to_be_visible()
    expect(page.get_by_text("times of failed attempts are estimates")).to_be_visible()
    expect(page.get_by_text("with unknown usage: counted as attempts, not as 0 tokens")).to_be_visible()
    someone.answered(clicks=1)
    whole = open_tab("/run?workflow_id=research-4")
    expect(whole.get_by_text("History: 33 attempts. Telemetry: 33.")).to_be_visible()


def test_e_are_the_numbers_of_the_fleet_to_be_trusted(person: Callable[..., Person]) -> None:
    """One click on Health: how much was seen of what happened, and what doctor says of it and would do."""
    someone = person()
    page = someone.page
    someone.click(page.get_by_role("link", name="Health", exact=True))
    expect(page.get_by_text("Attempts seen by workers")).to_be_visible()
    expect(page.get_by_text("What doctor says")).to_be_visible()
    expect(page.locator(".ds-table tr", has_text="telemetry").first).to_contain_text(re.compile(r"\d+ of \d+ attempts"))
    someone.answered(clicks=1)
