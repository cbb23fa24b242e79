"""An open run grows under the eyes of who looks at it: nothing flickers, jumps or loses its place."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import WAIT_MS, OpenTab, serve, stop, timeline
from tests.browser.run_page import canvas, click_row, number, press
from tests.collector.running import RunningCollector
from tests.dashboard import synthetic
from tests.dashboard.long_runs import long_run

pytestmark = pytest.mark.browser
expect.set_options(timeout=WAIT_MS)
# Notes what goes away from the timeline's place (an update must change it, never put another in its stead), and what
# moves anywhere on the page without having been touched.
WATCH = """() => {
  window.gone = window.shifted = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((e) => {
    if (!e.hadRecentInput) window.shifted += e.value;
  })).observe({ type: 'layout-shift' });
  const host = document.querySelector('.st-key-timeline');
  new MutationObserver((all) => all.forEach((m) => { window.gone += m.removedNodes.length; }))
    .observe(host, { childList: true, subtree: true });
}"""


# Each message that the page sends to the server, by the browser's clock.
SENDS = """(() => {
  window.sent = [];
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (message) {
    window.sent.push(performance.now());
    return send.call(this, message);
  };
})()"""


class Growing:
    """A dashboard on a collector, and an open run that can be told further."""

    def __init__(self, collector: RunningCollector, url: str) -> None:
        self.collector, self.url, self.started = collector, url, synthetic.now() - 9000 * synthetic.S

    def tell(self, workflow_id: str, segments: int) -> None:
        """The run, as far as it has come."""
        story = long_run(workflow_id, self.started, segments, open_=True)
        synthetic.tell(self.collector.collector.store, [story], synthetic.now())


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Growing]:
    """See Growing."""
    with RunningCollector(tmp_path_factory.mktemp("live") / "live.duckdb") as collector:
        served = serve(None, server=collector.url)
        yield Growing(collector, served.url)
        stop(served)


def grows(page: Page, drawn: Locator, before: int) -> None:
    """Wait for more segments."""
    page.wait_for_function(
        "([d, n]) => Number(d.dataset.segments) > n", arg=[drawn.element_handle(), before], timeout=WAIT_MS
    )


@pytest.mark.parametrize("size", [40, 2600])
def test_an_open_run_grows_in_place(open_tab: OpenTab, growing: Growing, size: int) -> None:
    """Zoom, selection and the place on the page stay; above 2,000 segments only what has changed is sent."""
    run = f"live-{size}"
    growing.tell(run, size)
    page = open_tab(f"/run?workflow_id={run}", base=growing.url)
    drawn = timeline(page)
    before = number(drawn, "segments")
    click_row(page, 3)
    page.wait_for_url("**span=*")
    press(page, "+", "+", "+")
    as_of = page.get_by_text("as of", exact=False).first
    expect(as_of).not_to_have_text(as_of.inner_text())  # an update passes, with nothing new in it
    window, selected = drawn.get_attribute("data-window"), drawn.get_attribute("data-selected")
    place = canvas(page).bounding_box()
    page.evaluate(WATCH)
    growing.tell(run, size + 12)
    grows(page, drawn, before)
    assert drawn.get_attribute("data-window") == window
    assert drawn.get_attribute("data-selected") == selected
    now = canvas(page).bounding_box()
    assert place is not None and now is not None and (now["x"], now["y"]) == (place["x"], place["y"])
    assert page.evaluate("window.gone") == 0
    assert page.evaluate("window.shifted") < 0.01


def test_a_child_run_leaves_the_timeline_as_it_was(open_tab: OpenTab, growing: Growing) -> None:
    """The strip of child runs comes above the timeline, which keeps its zoom and is not made anew."""
    growing.tell("live-mother", 40)
    page = open_tab("/run?workflow_id=live-mother", base=growing.url)
    drawn = timeline(page)
    press(page, "+", "+", "+")
    window = None
    while window != (window := drawn.get_attribute("data-window")):
        page.wait_for_timeout(500)  # zooming glides
    page.evaluate(WATCH)
    mother = long_run("live-mother", growing.started, 40, open_=True)
    child = long_run("live-child", mother.at, 8)
    child.extra = {"parent_workflow_id": mother.workflow_id, "parent_run_id": mother.run_id}
    synthetic.tell(growing.collector.collector.store, [child], synthetic.now())
    expect(page.get_by_text("1 child run,")).to_be_visible()
    assert drawn.get_attribute("data-window") == window
    assert page.evaluate("window.gone") == 0


def test_a_retry_in_waiting_counts_down(open_tab: OpenTab, growing: Growing) -> None:
    """Which attempt of how many, this attempt's own clock, the last error; the numbers move by themselves."""
    moment = synthetic.now()
    synthetic.tell(growing.collector.collector.store, [synthetic.retrying("triage", moment - 25 * synthetic.S)], moment)
    page = open_tab("/run?workflow_id=triage", base=growing.url)
    timeline(page)
    row = page.locator(".ds-table tr", has_text="gpt-5-mini (Triage)")
    expect(row).to_contain_text("3 of 5")
    expect(row).to_contain_text("RateLimitError")
    clock = row.locator("td").nth(2)
    first = clock.inner_text()
    expect(clock).not_to_have_text(first)


def test_now_stands_where_the_run_is(open_tab: OpenTab, growing: Growing) -> None:
    """A retry that is due in twenty minutes does not squeeze two minutes of run: the line of now is near the end."""
    moment = synthetic.now()
    story = synthetic.Story("booking", "BookingWorkflow", moment - 100 * synthetic.S, status="running", closed=False)
    failed = {"status": "error", "error": "Full", "message": "no rooms", "run": 1.0}
    story.operation("book", "tool", None, [failed], open_=True)
    activity, due = story.rows["history_operations"][-1]["activity_id"], moment + 1200 * synthetic.S
    story.rows["observations"].append(
        {**story.key, "activity_id": activity, "attempt": 2, "status": "pending", "queued": due, "next_retry": due}
    )
    synthetic.tell(growing.collector.collector.store, [story], moment)
    page = open_tab("/run?workflow_id=booking", base=growing.url)
    drawn = timeline(page)
    box = canvas(page).bounding_box()
    assert box is not None and 0.85 * box["width"] < number(drawn, "now") < 0.95 * box["width"]
    expect(page).to_have_title("● booking · Run · Durascope")


def listening(open_tab: OpenTab, growing: Growing, run: str) -> Page:
    """The page of an open run, which notes in ``window.sent`` when it sends."""
    growing.tell(run, 40)
    page = open_tab(f"/run?workflow_id={run}", base=growing.url)
    page.add_init_script(SENDS)
    page.reload()
    timeline(page)
    return page


@pytest.mark.parametrize("after_ms", [0, 1500], ids=["before the answer to a tick", "before the next tick"])
def test_the_clock_holds_still_after_a_click(open_tab: OpenTab, growing: Growing, after_ms: int) -> None:
    """Whatever leads to another page: a tick sent after it would name the page that is left, and empty the next."""
    page = listening(open_tab, growing, f"live-clock-{after_ms}")
    ticks = page.evaluate("window.sent.length")
    page.wait_for_function("(n) => window.sent.length > n + 1", arg=ticks, timeout=WAIT_MS)  # it goes on by itself
    page.wait_for_timeout(after_ms)
    clicked = page.evaluate("(window.dispatchEvent(new Event('pointerdown')), performance.now())")
    page.wait_for_function("(t) => window.sent.some((s) => s > t)", arg=clicked, timeout=WAIT_MS)  # and again later
    assert page.evaluate("(t) => Math.min(...window.sent.filter((s) => s > t)) - t", clicked) > 2900


def test_the_clock_stands_while_nobody_looks(open_tab: OpenTab, growing: Growing) -> None:
    """A hidden tab asks for nothing, and asks at once when it is seen again."""
    page = listening(open_tab, growing, "live-hidden")
    show = "(hidden) => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
    show += " document.dispatchEvent(new Event('visibilitychange')); return window.sent.length; }"
    page.wait_for_timeout(3000)
    page.evaluate(show, True)
    page.wait_for_timeout(1000)  # what had been asked for is answered
    before = page.evaluate("window.sent.length")
    page.wait_for_timeout(5000)
    assert page.evaluate("window.sent.length") == before
    page.evaluate(show, False)
    page.wait_for_function("(n) => window.sent.length > n", arg=before, timeout=2500)
