"""The timeline itself: toolbar, keys, minimap, axis, filter, folding; and runs of a size that needs care."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import WAIT_MS, OpenTab, serve, stop, timeline
from tests.browser.run_page import canvas, changes, click_row, number, press
from tests.dashboard import synthetic
from tests.dashboard.long_runs import long_run

pytestmark = pytest.mark.browser
expect.set_options(timeout=WAIT_MS)
RUN = "/run?workflow_id=research-4"
HUGE = 24_000


@pytest.fixture(scope="module")
def long_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard on a run of 3,000 segments and one of 24,000."""
    path, moment = tmp_path_factory.mktemp("long") / "long.duckdb", synthetic.now()
    stories = [long_run(f"long-{size}", moment - 30_000 * synthetic.S, size) for size in (3000, HUGE)]
    synthetic.write(path, stories, moment)
    served = serve(path)
    yield served.url
    stop(served)


def test_zoom_fit_and_the_three_axes(open_tab: OpenTab) -> None:
    """+ zooms in, F fits again, W goes from real time to shortened gaps to busy time only, and back."""
    page = open_tab(RUN)
    drawn = timeline(page)
    whole = drawn.get_attribute("data-window")
    press(page, "+", "+")
    changes(drawn, "window", whole)
    page.keyboard.press("f")
    expect(drawn).to_have_attribute("data-window", whole or "")
    for mode in ("compressed", "busy", "wall"):
        page.keyboard.press("w")
        expect(drawn).to_have_attribute("data-mode", mode)
        if mode != "wall":
            changes(drawn, "window", whole)


def test_the_minimap_chooses_a_window_and_the_wheel_zooms(open_tab: OpenTab) -> None:
    """Dragging on the minimap shows that part of the run; Ctrl and wheel zoom at the pointer."""
    page = open_tab(RUN)
    drawn = timeline(page)
    whole = drawn.get_attribute("data-window")
    box = canvas(page).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 300, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 20, steps=4)
    page.mouse.up()
    changes(drawn, "window", whole)
    part = drawn.get_attribute("data-window")
    page.mouse.move(box["x"] + 600, box["y"] + 150)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    changes(drawn, "window", part)


def test_filter_retried_only_and_folding(open_tab: OpenTab) -> None:
    """/ filters by name, R keeps what was retried, A folds all; each undoes itself."""
    page = open_tab(RUN)
    drawn = timeline(page)
    rows = number(drawn, "rows")
    press(page, "/")
    page.keyboard.type("fetch")
    changes(drawn, "rows", str(rows))
    assert 0 < number(drawn, "rows") < rows
    page.locator(".ds input").fill("")
    expect(drawn).to_have_attribute("data-rows", str(rows))
    press(page, "r")
    changes(drawn, "rows", str(rows))
    press(page, "r")
    expect(drawn).to_have_attribute("data-rows", str(rows))
    press(page, "a")
    expect(drawn).to_have_attribute("data-rows", "6")  # the run, its agents and the handoffs between them
    press(page, "a")
    expect(drawn).to_have_attribute("data-rows", str(rows))


def test_the_next_failure_is_one_of_the_rows_shown(open_tab: OpenTab) -> None:
    """Under a filter N finds what the filter leaves, round and round; where nothing failed it says so and stays."""
    page = open_tab(RUN)
    drawn, told = timeline(page), page.locator(".ds [aria-live]")
    page.locator(".ds input").fill("web_search")
    press(page, "n", "n", "n", "n", "n")
    expect(told).to_have_text(re.compile("^web_search, tool, ok, 3 attempts"))
    page.wait_for_url("**span=activity*")
    selected = drawn.get_attribute("data-selected") or ""
    page.locator(".ds input").fill("fetch_page")
    press(page, "n")
    expect(told).to_have_text("No failure in the rows shown")
    expect(drawn).to_have_attribute("data-selected", selected)


def test_a_click_on_the_number_of_attempts_opens_them(open_tab: OpenTab) -> None:
    """One line an attempt, and away again with the next click; the row need not be selected."""
    page = open_tab(RUN)
    drawn = timeline(page)
    rows = number(drawn, "rows")
    click_row(page, 8, x=270)
    expect(drawn).to_have_attribute("data-rows", str(rows + 3))
    expect(drawn).to_have_attribute("data-selected", "")
    click_row(page, 8, x=270)
    expect(drawn).to_have_attribute("data-rows", str(rows))


def test_the_pointer_is_told_what_it_is_on(open_tab: OpenTab) -> None:
    """In words, with failures and tokens of a row, and never of a row that has gone from under it."""
    page = open_tab(RUN)
    timeline(page)
    tip = page.locator(".ds .tip")
    canvas(page).hover(position={"x": 500, "y": 79})  # the run's own bar
    expect(tip).to_contain_text(
        re.compile(r"ResearchWorkflowrun, completed · 50\.2 s9 failed attempts inside38\.6k→2\.6k tok")
    )
    page.keyboard.press("Tab")
    press(page, "w")
    expect(tip).to_be_hidden()
    press(page, "w", "w")
    canvas(page).hover(position={"x": 60, "y": 68 + 22 * 5 + 11})  # a tool has no tokens
    expect(tip).to_contain_text(re.compile(r"^fetch_pagetool · [\d.]+ m?s\+"))
    canvas(page).hover(position={"x": 60, "y": 68 + 22 * 6 + 11})
    expect(tip).to_contain_text("turn · ")
    page.mouse.wheel(0, 60)
    expect(tip).to_be_hidden()


def test_what_lies_outside_of_the_window_has_an_arrow(open_tab: OpenTab) -> None:
    """A row whose bars are not in sight points to them; with the whole run in sight none does."""
    page = open_tab(RUN)
    drawn = timeline(page)
    assert number(drawn, "edges") == 0
    press(page, "+", "+", "+", "+")
    changes(drawn, "edges", "0")
    press(page, "f")
    expect(drawn).to_have_attribute("data-edges", "0")


def test_on_paper_names_are_whole_and_the_ground_is_white(open_tab: OpenTab) -> None:
    """A dark page prints light; the timeline takes the width of the sheet, its details stand under it."""
    page = open_tab(RUN, dark=True, width=720)
    drawn = timeline(page)
    page.emulate_media(media="print", color_scheme="dark")
    page.wait_for_function("(d) => d.querySelector('canvas').height > 900", arg=drawn.element_handle())
    details, box = page.locator(".st-key-details").bounding_box(), canvas(page).bounding_box()
    assert details is not None and box is not None
    assert box["width"] > 650 and details["y"] > box["y"] + box["height"]
    pixel = "(c) => [...c.getContext('2d').getImageData(2, 120, 1, 1).data]"
    assert canvas(page).evaluate(pixel) == [255, 255, 255, 255]
    ground = "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    page.emulate_media(media="screen", color_scheme="dark")
    page.wait_for_function("(d) => d.querySelector('canvas').height < 900", arg=drawn.element_handle())
    assert canvas(page).evaluate(pixel) != [255, 255, 255, 255]


def test_the_first_wait_can_be_hidden(open_tab: OpenTab) -> None:
    """Q starts the window where something first ran, and shows the wait again."""
    page = open_tab(RUN)
    drawn = timeline(page)
    press(page, "q")
    page.wait_for_url("**queue=hidden*")
    assert not (drawn.get_attribute("data-window") or "").startswith("0.0:")
    press(page, "q")
    expect(drawn).to_have_attribute("data-window", re.compile("^0.0:"))


def test_a_link_shows_what_was_looked_at(open_tab: OpenTab, dashboard: str) -> None:
    """Axis, window, filter and the rest go into the address as they change, and a stranger's tab comes up the same."""
    page = open_tab(RUN)
    drawn = timeline(page)
    press(page, "w", "+", "+", "r", "p")
    page.keyboard.press("/")
    page.keyboard.type("e")
    page.wait_for_url(re.compile(r"rows=e"))
    page.wait_for_url(re.compile(r"axis=compressed.*only=retried.*path=off.*window=[\d.]+-[\d.]+"))
    theirs = open_tab(page.url.removeprefix(dashboard))
    again = timeline(theirs)
    for name in ("mode", "rows", "window"):
        expect(again).to_have_attribute(f"data-{name}", drawn.get_attribute(f"data-{name}") or "")
    assert theirs.locator(".ds input").input_value() == "e"
    expect(theirs.locator(".ds [data-act=critical]")).to_have_attribute("aria-pressed", "false")
    click_row(theirs, 1)  # what Python writes keeps what the timeline wrote
    theirs.wait_for_url(re.compile(r"span="))
    assert "axis=compressed" in theirs.url and "window=" in theirs.url
    theirs.locator(".ds input").fill("")
    press(theirs, "w", "w", "f", "r", "p")
    theirs.wait_for_url(re.compile(r"\?workflow_id=research-4&span=[^&]*$"))


def test_a_window_that_is_none_shows_the_whole_run(open_tab: OpenTab) -> None:
    """What a link says wrongly is as if it were not said."""
    whole = timeline(open_tab(RUN)).get_attribute("data-window") or ""
    for odd in ("window=9-3", "window=nan-1e9", "axis=round&window=900000000000-900000000001", "window=%3Cb%3E"):
        expect(timeline(open_tab(f"{RUN}&{odd}"))).to_have_attribute("data-window", whole)


def test_every_key_is_explained(open_tab: OpenTab) -> None:
    """? shows the keys, Escape hides them; the canvas has a name and a role."""
    page = open_tab(RUN)
    timeline(page)
    press(page, "?")
    expect(page.get_by_role("dialog", name="Keys of the timeline")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys of the timeline")).to_be_hidden()
    expect(page.get_by_role("application", name="Timeline of the run")).to_be_visible()
    for button in page.locator(".ds .bar button").all():
        assert button.get_attribute("aria-label")


def test_the_focus_leaves_the_buttons_in_sight(open_tab: OpenTab) -> None:
    """The page scrolls to the timeline, not beyond its buttons."""
    page = open_tab(RUN)
    timeline(page)
    canvas(page).focus()
    buttons, header = page.locator(".ds .bar").bounding_box(), page.locator(".stAppHeader").bounding_box()
    assert buttons is not None and header is not None and buttons["y"] >= header["y"] + header["height"]


def test_it_fits_a_small_screen(open_tab: OpenTab) -> None:
    """At 1280 by 720 nothing is wider than the page, and the first rows are on the first screen."""
    page = open_tab(RUN)
    timeline(page)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    box = canvas(page).bounding_box()
    assert box is not None and box["y"] < 520


def test_a_long_run_starts_with_its_turns_folded(open_tab: OpenTab, long_runs: str) -> None:
    """3,000 segments: turns as lanes; a click on a triangle shows what is in one; a click sends next to nothing."""
    page = open_tab("/run?workflow_id=long-3000", base=long_runs)
    drawn = timeline(page)
    rows = number(drawn, "rows")
    assert number(drawn, "segments") >= 3000 and rows < 500
    click_row(page, 2, x=38)
    changes(drawn, "rows", str(rows))
    click_row(page, 4)
    expect(page.locator(".st-key-details")).to_contain_text("Attempt 1")


def test_a_huge_run_brings_a_turn_when_it_is_opened(open_tab: OpenTab, long_runs: str) -> None:
    """24,000 segments: the turns travel shut, with their failures counted, and are filled by a click."""
    page = open_tab(f"/run?workflow_id=long-{HUGE}", base=long_runs)
    drawn = timeline(page)
    hidden, rows = number(drawn, "hidden"), number(drawn, "rows")
    assert hidden > 5000
    click_row(page, 2, x=38)
    changes(drawn, "hidden", str(hidden))
    assert number(drawn, "rows") - rows == hidden - number(drawn, "hidden")
    click_row(page, 3)
    expect(page.locator(".st-key-details")).to_contain_text("Attempt 1")
